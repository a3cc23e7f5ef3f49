package main

import (
	"context"
	"errors"

	"github.com/spf13/cobra"

	ringcastv1 "github.com/ringcast/ringcast/gen/ringcast/v1"
)

func forgetCommand(a *admin) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "forget NODE",
		Short: "Forget an edge that is gone for good, so that nobody waits for it",
		Long: "Forget an edge that is gone for good and did not stop cleanly, so that nobody waits for it any more. Be sure that\n" +
			"it serves no traffic: what it enforces is then nobody's care. An edge that is connected cannot be forgotten, and\n" +
			"one that still runs is known again with its next report.",
		Example: "  ringcast forget edge-fra-3\n  ringcast forget edge-fra-3 --instance 5f0c2d7e91ab34c6",
	}
	instance := cmd.Flags().String("instance", "", "only the one with this data dir, in full; all of that name that are not connected if not given")
	requestID := requestIDFlag(cmd.Flags())
	cmd.Args = usageArgs(func(_ *cobra.Command, args []string) error {
		if len(args) != 1 {
			return errors.New("give the name of one edge")
		}
		return nil
	})
	return a.verb(cmd, func(ctx context.Context, c *call, args []string) error {
		r, err := invoke(ctx, c, ringcastv1.NewFleetServiceClient(c.conn).ForgetEdge, &ringcastv1.ForgetEdgeRequest{
			NodeId: args[0], Instance: *instance, RequestId: *requestID,
		})
		if err != nil {
			return err
		}
		return c.printer.mutation("forgot "+args[0], "", r)
	})
}
