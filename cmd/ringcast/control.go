package main

import (
	"io"

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
