package main

import (
	"io"

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
	load := bind(cmd, &cfg)
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		if err := load(); err != nil {
			return err
		}
		log, err := cfg.logger(errOut)
		if err != nil {
			return err
		}
		s, err := server.New(cfg.Config, server.Deps{Logger: log, Version: version})
		if err != nil {
			return usageError{err}
		}
		return runProcess(cmd.Context(), s)
	}
	return cmd
}
