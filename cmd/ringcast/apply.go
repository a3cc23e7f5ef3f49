package main

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"strconv"

	"github.com/spf13/cobra"

	ringcastv1 "github.com/ringcast/ringcast/gen/ringcast/v1"
)

func applyCommand(a *admin) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "apply -f FILE",
		Short: "Make several mutations as one: all or none, in force together",
		Long: "Make up to 100 mutations as one: all or none, put in force together by every edge. No two may be about the same\n" +
			"address or token. FILE is YAML or JSON; - is standard input. It has a list, or an object with the list under\n" +
			"mutations:\n\n" +
			"  - ban_ip: {ip: 203.0.113.7, reason: abuse, ttl: 90s}\n" +
			"  - unban_ip: {ip: 198.51.100.0/24}\n" +
			"  - allow_ip: {ip: 192.0.2.1, ttl: 24h}\n" +
			"  - remove_allow: {ip: 192.0.2.2}\n" +
			"  - revoke_token: {subject: mallory}      # or jti, or token\n" +
			"  - restore_token: {jti: 7d1f}            # or subject, token, token_hash\n" +
			"  - invalidate: {tags: [post:1, 'user:*'], keys: [/posts/1], soft: true}\n" +
			"  - preload: {routes: [/posts/1]}\n" +
			"  - publish: {type: deployed, channel: ci, data: '{\"version\":7}'}\n\n" +
			"The fields are those of the REST API. A ban counts against the allow entries as the batch leaves them. -o json has\n" +
			"the position of each mutation.",
		Example: "  ringcast apply -f mutations.yaml\n" +
			"  ringcast apply -f deploy.json --request-id deploy-4711",
	}
	file := cmd.Flags().StringP("file", "f", "", "file with the mutations; - is standard input")
	requestID := requestIDFlag(cmd.Flags())
	cmd.Args = usageArgs(func(cmd *cobra.Command, args []string) error {
		if *file == "" {
			return errors.New("name the file with --file")
		}
		return noArgs(cmd, args)
	})
	return a.mutation(cmd, func(ctx context.Context, c *call, _ []string) error {
		batch, err := readBatch(*file, cmd.InOrStdin())
		if err != nil {
			return err
		}
		r, err := invoke(ctx, c, ringcastv1.NewBatchServiceClient(c.conn).Apply, &ringcastv1.ApplyRequest{
			Mutations: batch.mutations, RequestId: *requestID,
		})
		if err != nil {
			return batch.locate(err)
		}
		return c.mutated("applied "+countOf(len(batch.mutations)), "", r)
	})
}

func countOf(mutations int) string {
	if mutations == 1 {
		return "1 mutation"
	}
	return fmt.Sprintf("%d mutations", mutations)
}

// memberIndex is how a refusal names a mutation.
var memberIndex = regexp.MustCompile(`mutations\[(\d+)\]`)

// locate adds the file's lines to the names of mutations in a refusal.
func (b batchFile) locate(err error) error {
	refused, ok := errors.AsType[*refusedError](err)
	if !ok {
		return err
	}
	refused.sentence = memberIndex.ReplaceAllStringFunc(refused.sentence, func(name string) string {
		index, err := strconv.Atoi(memberIndex.FindStringSubmatch(name)[1])
		if err != nil || index >= len(b.lines) {
			return name
		}
		return fmt.Sprintf("%s (line %d)", name, b.lines[index])
	})
	return err
}
