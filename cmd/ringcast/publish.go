package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"unicode/utf8"

	"github.com/spf13/cobra"

	ringcastv1 "github.com/ringcast/ringcast/gen/ringcast/v1"
)

// maxEventFile keeps a file named by mistake from being read and sent. The API
// takes this much.
const maxEventFile = 64 << 10

func publishCommand(a *admin) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "publish TYPE",
		Short: "Send an event of your own to browsers and other subscribers",
		Long: "Send an event of your own to the subscribers of the stream that name its channel. Edges never hear it. TYPE and\n" +
			"channel are of ASCII letters, digits and . _ : / @ ~ -, and TYPE is none that the stream itself uses. The data\n" +
			"is any text of up to 64 KiB without carriage returns; it arrives as it is.",
		Example: "  ringcast publish order.created --channel orders --data '{\"id\":7}'\n  ringcast publish motd --file motd.txt",
	}
	flags := cmd.Flags()
	channel := flags.String("channel", "default", "channel, by which subscribers choose")
	data := flags.String("data", "", "the event's data")
	file := flags.String("file", "", "file that holds the data; - is standard input")
	requestID := requestIDFlag(flags)
	cmd.Args = usageArgs(func(cmd *cobra.Command, args []string) error {
		if len(args) != 1 {
			return fmt.Errorf("give one type, not %d", len(args))
		}
		if flags.Changed("data") && flags.Changed("file") {
			return errors.New("give --data or --file, not both")
		}
		return nil
	})
	return a.mutation(cmd, func(ctx context.Context, c *call, args []string) error {
		if flags.Changed("file") {
			text, err := readEventFile(*file, cmd.InOrStdin())
			if err != nil {
				return fmt.Errorf("read data: %w", err)
			}
			*data = text
		}
		if !utf8.ValidString(*data) {
			return errors.New("the data is not UTF-8")
		}
		r, err := invoke(ctx, c, ringcastv1.NewEventServiceClient(c.conn).Publish, &ringcastv1.PublishRequest{
			Channel: *channel, Type: args[0], Data: *data, RequestId: *requestID,
		})
		if err != nil {
			return err
		}
		return c.mutated(fmt.Sprintf("published %s on %s", args[0], cmp.Or(*channel, "default")), "", r)
	})
}

// readEventFile reads a file whole, its last line end included.
func readEventFile(name string, stdin io.Reader) (string, error) {
	in := stdin
	if name != "-" {
		file, err := os.Open(name)
		if err != nil {
			return "", err
		}
		defer func() { _ = file.Close() }() // only read
		in = file
	}
	text, err := io.ReadAll(io.LimitReader(in, maxEventFile+1))
	if err == nil && len(text) > maxEventFile {
		err = fmt.Errorf("%s has more than %d bytes", name, maxEventFile)
	}
	return string(text), err
}
