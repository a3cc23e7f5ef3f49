package main

import (
	"context"
	"io"
	"log/slog"

	"github.com/spf13/cobra"

	"github.com/ringcast/ringcast/edgeproxy/server"
)

// edgeConfig is all of an edge's settings.
type edgeConfig struct {
	server.Config
	logging
}

func edgeCommand(errOut io.Writer) *cobra.Command {
	cmd := &cobra.Command{
		Use: "edge --origin URL --control URL", Short: "Run an edge", Args: usageArgs(cobra.NoArgs),
		Long: "Run an edge: a caching reverse proxy that enforces what the control plane says, also while that is gone.",
	}
	var cfg edgeConfig
	runLogged(cmd, &cfg, &cfg.logging, errOut, func(ctx context.Context, log *slog.Logger) error {
		s, err := server.New(cfg.Config, server.Deps{Logger: log, Version: version})
		if err != nil {
			return usageError{err}
		}
		return runProcess(ctx, s)
	})
	return cmd
}
