package main

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	ringcastv1 "github.com/ringcast/ringcast/gen/ringcast/v1"
)

func statusCommand(a *admin) *cobra.Command {
	cmd := &cobra.Command{
		Use:     "status",
		Short:   "Describe the control plane: its log and its streams",
		Example: "  ringcast status\n  ringcast status -o json | jq -r .head",
		Args:    usageArgs(noArgs),
	}
	return a.verb(cmd, func(ctx context.Context, c *call, _ []string) error {
		r, err := invoke(ctx, c, ringcastv1.NewFleetServiceClient(c.conn).GetStatus, &ringcastv1.GetStatusRequest{})
		if err != nil {
			return err
		}
		if c.printer.format != formatTable {
			return c.printer.message(r)
		}
		c.noteForgotten(r.GetForgotten())
		return c.printer.table(statusRows(r)...)
	})
}

func statusRows(r *ringcastv1.GetStatusResponse) [][]string {
	return [][]string{
		{"version", r.GetVersion()},
		{"started", since(r.GetStartTime())},
		{"epoch", r.GetEpoch()},
		{"head", fmt.Sprint(r.GetHead())},
		{"horizon", fmt.Sprint(r.GetHorizon())},
		{"moment horizon", fmt.Sprint(r.GetMomentHorizon())},
		{"bans", fmt.Sprint(r.GetBans())},
		{"allow entries", fmt.Sprint(r.GetAllows())},
		{"revocations", fmt.Sprint(r.GetRevocations())},
		{"edges", fmt.Sprintf("%d known, of which %d level", r.GetKnownEdges(), r.GetLevelEdges())},
		{"subscribers", fmt.Sprintf("%d, of which %d edges", r.GetSubscribers(), r.GetEdgeSubscribers())},
	}
}
