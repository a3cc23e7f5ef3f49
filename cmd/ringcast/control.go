package main

import (
	"context"
	"io"
	"log/slog"

	"github.com/spf13/cobra"

	"github.com/ringcast/ringcast/controlplane/server"
)

// controlConfig is all of a control plane's settings.
type controlConfig struct {
	server.Config
	logging
}

func controlCommand(errOut io.Writer) *cobra.Command {
	cmd := &cobra.Command{
		Use: "control", Short: "Run a control plane", Args: usageArgs(cobra.NoArgs),
		Long: "Run a control plane: it writes mutations to its log and streams them to the edges.",
	}
	var cfg controlConfig
	runLogged(cmd, &cfg, &cfg.logging, errOut, func(ctx context.Context, log *slog.Logger) error {
		s, err := server.New(cfg.Config, server.Deps{Logger: log, Version: version})
		if err != nil {
			return usageError{err}
		}
		return runProcess(ctx, s)
	})
	return cmd
}
