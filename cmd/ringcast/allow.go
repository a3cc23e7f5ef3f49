package main

import (
	"context"
	"strconv"

	"github.com/spf13/cobra"
	"google.golang.org/protobuf/proto"

	ringcastv1 "github.com/ringcast/ringcast/gen/ringcast/v1"
)

func allowCommand(a *admin) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "allow IP...",
		Short: "Let addresses pass, whatever bans cover them",
		Long: "Let IPv4 and IPv6 addresses and CIDR prefixes pass at every edge, whatever bans cover them. Bans stay as they\n" +
			"are, and are in force again when the entry is removed or ends. An entry of the same address replaces the earlier one.",
		Example: "  ringcast allow 203.0.113.7 2001:db8::/32 --reason office",
	}
	flags := cmd.Flags()
	reason := flags.String("reason", "", "why; operators see it")
	ttl := flags.Duration("ttl", 0, "how long, such as 10m or 720h; for ever if not given")
	requestID := requestIDFlag(flags)
	cmd.Args = cobra.MatchAll(ttlArgs(ttl), usageArgs(addresses(requestID)))
	return a.mutation(cmd, func(ctx context.Context, c *call, ips []string) error {
		allows := ringcastv1.NewAllowServiceClient(c.conn)
		return c.each("allowed", ips, func(ip string) (receipt, error) {
			return invoke(ctx, c, allows.AllowIP, &ringcastv1.AllowIPRequest{
				Ip: ip, Reason: *reason, Ttl: optional(flags, "ttl", *ttl), RequestId: *requestID,
			})
		})
	})
}

func unallowCommand(a *admin) *cobra.Command {
	cmd := &cobra.Command{
		Use:     "unallow IP...",
		Short:   "Remove allow entries",
		Long:    "Remove the allow entries of exactly these addresses or prefixes. Wider and narrower ones stay.",
		Example: "  ringcast unallow 203.0.113.7 2001:db8::/32",
	}
	requestID := requestIDFlag(cmd.Flags())
	cmd.Args = usageArgs(addresses(requestID))
	return a.mutation(cmd, func(ctx context.Context, c *call, ips []string) error {
		allows := ringcastv1.NewAllowServiceClient(c.conn)
		return c.each("no longer allowed", ips, func(ip string) (receipt, error) {
			return invoke(ctx, c, allows.RemoveAllow, &ringcastv1.RemoveAllowRequest{Ip: ip, RequestId: *requestID})
		})
	})
}

func allowsCommand(a *admin) *cobra.Command {
	cmd := &cobra.Command{
		Use:     "allows",
		Short:   "List the allow entries in force",
		Example: "  ringcast allows\n  ringcast allows -o jsonl | jq -r .ip",
	}
	limit := limitFlag(cmd)
	return a.verb(cmd, func(ctx context.Context, c *call, _ []string) error {
		return allowListing(c).print(ctx, c, *limit)
	})
}

func allowListing(c *call) listing[*ringcastv1.Allow] {
	allows := ringcastv1.NewAllowServiceClient(c.conn)
	return listing[*ringcastv1.Allow]{
		plural: "allow entries",
		header: []string{"IP", "SINCE", "ENDS", "POSITION", "REASON"},
		row: func(p printer, e *ringcastv1.Allow) []string {
			return []string{e.GetIp(), since(e.GetCreateTime()), p.ends(e.GetExpiresAt()), strconv.FormatUint(e.GetPosition(), 10), e.GetReason()}
		},
		fetch: func(ctx context.Context, size int32, token string) (page[*ringcastv1.Allow], error) {
			r, err := invoke(ctx, c, allows.ListAllows, &ringcastv1.ListAllowsRequest{PageSize: size, PageToken: token})
			return page[*ringcastv1.Allow]{r.GetAllows(), r.GetNextPageToken()}, err
		},
		answer: func(p page[*ringcastv1.Allow]) proto.Message {
			return &ringcastv1.ListAllowsResponse{Allows: p.entries, NextPageToken: p.next}
		},
	}
}
