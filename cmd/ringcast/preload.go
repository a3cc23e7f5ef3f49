package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	ringcastv1 "github.com/ringcast/ringcast/gen/ringcast/v1"
)

func preloadCommand(a *admin) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "preload ROUTE...",
		Short: "Hint that responses will be wanted, so that every edge fetches what it lacks",
		Long: "Hint that responses will be wanted, so that every edge fetches what it lacks from its origin, in its own time.\n" +
			"A route is a path, for the hosts that an edge has served lately, or a URL. All routes are one request. A hint may\n" +
			"get lost: it is no promise.",
		Example: "  ringcast preload /posts/1 '/posts?page=2'",
		Args:    usageArgs(oneRoute),
	}
	requestID := requestIDFlag(cmd.Flags())
	return a.mutation(cmd, func(ctx context.Context, c *call, routes []string) error {
		r, err := invoke(ctx, c, ringcastv1.NewCacheServiceClient(c.conn).Preload, &ringcastv1.PreloadRequest{
			Routes: routes, RequestId: *requestID,
		})
		if err != nil {
			return err
		}
		what := "preload of " + routes[0]
		if len(routes) > 1 {
			what = fmt.Sprintf("preload of %d routes", len(routes))
		}
		return c.mutated("hinted "+what, "", r)
	})
}

// oneRoute asks for one at least.
func oneRoute(_ *cobra.Command, args []string) error {
	if len(args) == 0 {
		return errors.New("give at least one path or URL")
	}
	return nil
}
