package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
	"google.golang.org/protobuf/proto"

	ringcastv1 "github.com/ringcast/ringcast/gen/ringcast/v1"
)

func banCommand(a *admin) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "ban (IP... | --file LIST)",
		Short: "Refuse addresses at every edge",
		Long: "Refuse IPv4 and IPv6 addresses and CIDR prefixes at every edge. Each is a request of its own: one that is\n" +
			"refused does not keep the others from being banned. A ban of the same address replaces the earlier one.\n" +
			"-o json prints an object for each.\n\n" +
			"--file bans what a list names, one address or prefix a line:\n\n" +
			"  ADDRESS [ttl=DURATION|never] [by=edge] [REASON] [# COMMENT]\n\n" +
			"--ttl and --reason hold where a line has none. A reason that begins like an option or has a # is quoted as in\n" +
			"JSON. Lines that are refused are reported, and do not keep the others from being banned. An import that was cut\n" +
			"short leaves LIST" + checkpointSuffix + ": within 24 hours the same command goes on with it, and bans nothing twice;\n" +
			"lines that were refused are not tried again.",
		Example: "  ringcast ban 203.0.113.7 2001:db8::/32 --reason abuse --ttl 10m\n" +
			"  ringcast ban --file blocklist.txt --reason blocklist --ttl 720h\n" +
			"  ringcast bans --export | ringcast ban --file - --server other:4001",
	}
	flags := cmd.Flags()
	reason := flags.String("reason", "", "why; operators and the refused client see it")
	ttl := flags.Duration("ttl", 0, "how long, such as 10m or 720h; for ever if not given")
	override := flags.Bool("override", false, "record a ban although an allow entry covers it: it waits for the entry's end")
	file := flags.String(flagFile, "", "file with a list of what to ban; - is standard input")
	checkpoint := flags.String(flagCheckpoint, "", "file by which an import that was cut short goes on (default LIST"+checkpointSuffix+", none for standard input)")
	requestID := requestIDFlag(flags)
	cmd.Args = cobra.MatchAll(ttlArgs(ttl), usageArgs(listOr(addresses(requestID))))
	return a.mutation(cmd, func(ctx context.Context, c *call, ips []string) error {
		if flags.Changed(flagFile) {
			return c.importBans(ctx, cmd.InOrStdin(), importFlags{
				file: *file, checkpoint: *checkpoint, override: *override, defaults: listedBan{reason: *reason, ttl: *ttl},
			})
		}
		bans := ringcastv1.NewBanServiceClient(c.conn)
		return c.each("banned", ips, func(ip string) (receipt, error) {
			return invoke(ctx, c, bans.BanIP, &ringcastv1.BanIPRequest{
				Ip: ip, Reason: *reason, Ttl: optional(flags, "ttl", *ttl), RequestId: *requestID, Override: *override,
			})
		})
	})
}

func unbanCommand(a *admin) *cobra.Command {
	cmd := &cobra.Command{
		Use:     "unban IP...",
		Short:   "Let addresses in again",
		Long:    "Lift every ban of exactly these addresses or prefixes, the edges' own included. Wider and narrower prefixes stay.",
		Example: "  ringcast unban 203.0.113.7 2001:db8::/32",
	}
	requestID := requestIDFlag(cmd.Flags())
	cmd.Args = usageArgs(addresses(requestID))
	return a.mutation(cmd, func(ctx context.Context, c *call, ips []string) error {
		bans := ringcastv1.NewBanServiceClient(c.conn)
		return c.each("unbanned", ips, func(ip string) (receipt, error) {
			return invoke(ctx, c, bans.UnbanIP, &ringcastv1.UnbanIPRequest{Ip: ip, RequestId: *requestID})
		})
	})
}

// Flags of an import.
const (
	flagFile       = "file"
	flagCheckpoint = "checkpoint"
)

// listOr asks for a list and nothing that goes with addresses, or for addresses.
func listOr(addresses cobra.PositionalArgs) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		given := changed(cmd.Flags(), flagFile, flagCheckpoint, "request-id")
		switch {
		case !slices.Contains(given, flagFile) && slices.Contains(given, flagCheckpoint):
			return errors.New("--checkpoint goes with --file")
		case !slices.Contains(given, flagFile):
			return addresses(cmd, args)
		case len(args) > 0:
			return errors.New("give addresses or --file, not both")
		case slices.Contains(given, "request-id"):
			return errors.New("--request-id stands for one mutation; an import has its --checkpoint")
		}
		return nil
	}
}

// addresses asks for one address at least, and for exactly one with a request
// id: the same id with another content is refused.
func addresses(requestID *string) cobra.PositionalArgs {
	return func(_ *cobra.Command, args []string) error {
		switch {
		case len(args) == 0:
			return errors.New("give at least one address or prefix")
		case len(args) > 1 && *requestID != "":
			return errors.New("--request-id stands for one mutation; give one address or prefix with it")
		}
		return nil
	}
}

// each makes a mutation for each address. One that is refused does not stop the
// others; whatever would meet them too does.
func (c *call) each(done string, ips []string, mutate func(ip string) (receipt, error)) error {
	if len(ips) == 1 {
		return c.one(done, ips[0], mutate)
	}
	c.several = true
	failed := 0
	for _, ip := range ips {
		err := c.one(done, ip, mutate)
		if err == nil {
			continue
		}
		if _, refused := errors.AsType[*refusedError](err); !refused || exitCode(err) != exitError {
			return fmt.Errorf("%s: %w", ip, err)
		}
		c.note("%s: %v", ip, err)
		failed++
	}
	if failed > 0 {
		return partlyError{fmt.Sprintf("%d of %d addresses not %s", failed, len(ips), done)}
	}
	return nil
}

func (c *call) one(done, ip string, mutate func(ip string) (receipt, error)) error {
	r, err := mutate(ip)
	if err != nil {
		return err
	}
	return c.mutated(done+" "+ip, ip, r)
}

func bansCommand(a *admin) *cobra.Command {
	cmd := &cobra.Command{
		Use:     "bans",
		Short:   "List the bans in force",
		Long:    "List the bans in force. --export writes them as a list that ban --file takes, with the time that each has left.",
		Example: "  ringcast bans\n  ringcast bans -o jsonl | jq -r .ip\n  ringcast bans --export > bans.txt",
	}
	limit := limitFlag(cmd)
	export := cmd.Flags().Bool("export", false, "write a list for ban --file")
	noFormat := usageArgs(func(cmd *cobra.Command, _ []string) error {
		if *export && cmd.Flags().Changed("output") {
			return errors.New("--export has a format of its own; leave --output out")
		}
		return nil
	})
	cmd.Args = cobra.MatchAll(cmd.Args, noFormat)
	return a.verb(cmd, func(ctx context.Context, c *call, _ []string) error {
		if *export {
			return c.exportBans(ctx, *limit)
		}
		return banListing(c).print(ctx, c, *limit)
	})
}

func banListing(c *call) listing[*ringcastv1.Ban] {
	bans := ringcastv1.NewBanServiceClient(c.conn)
	return listing[*ringcastv1.Ban]{
		plural: "bans",
		header: []string{"IP", "SINCE", "ENDS", "SET BY", "POSITION", "REASON"},
		row: func(p printer, b *ringcastv1.Ban) []string {
			return []string{b.GetIp(), since(b.GetCreateTime()), p.ends(b.GetExpiresAt()), setBy(b), strconv.FormatUint(b.GetPosition(), 10), b.GetReason()}
		},
		fetch: func(ctx context.Context, size int32, token string) (page[*ringcastv1.Ban], error) {
			r, err := invoke(ctx, c, bans.ListBans, &ringcastv1.ListBansRequest{PageSize: size, PageToken: token})
			return page[*ringcastv1.Ban]{r.GetBans(), r.GetNextPageToken()}, err
		},
		answer: func(p page[*ringcastv1.Ban]) proto.Message {
			return &ringcastv1.ListBansResponse{Bans: p.entries, NextPageToken: p.next}
		},
	}
}

func setBy(b *ringcastv1.Ban) string {
	if b.GetAutomatic() {
		return "edge"
	}
	return "operator"
}

// limitFlag adds --limit to a command that takes no arguments.
func limitFlag(cmd *cobra.Command) *int {
	limit := cmd.Flags().Int("limit", 0, "list this many at the most; 0 lists all")
	cmd.Args = usageArgs(func(cmd *cobra.Command, args []string) error {
		if *limit < 0 {
			return fmt.Errorf("--limit is %d; it cannot be negative", *limit)
		}
		return noArgs(cmd, args)
	})
	return limit
}

func noArgs(cmd *cobra.Command, args []string) error {
	if len(args) > 0 {
		return fmt.Errorf("%s takes no argument, not %q", cmd.Name(), args[0])
	}
	return nil
}

// changed lists which of some flags were given.
func changed(flags *pflag.FlagSet, names ...string) []string {
	var given []string
	for _, name := range names {
		if flags.Changed(name) {
			given = append(given, name)
		}
	}
	return given
}
