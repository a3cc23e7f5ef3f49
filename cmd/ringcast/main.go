// Command ringcast is the whole product in one binary: the control plane, the
// edge, a demo of both, and the verbs of an operator.
package main

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/ringcast/ringcast/internal/config"
)

// version is set by the linker; see the Makefile.
var version = "dev"

// main ends in an orderly way at SIGTERM and an interrupt; a second one ends it
// at once.
func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop)
	os.Exit(execute(ctx, os.Stdin, os.Stdout, os.Stderr, os.Args[1:]...))
}

// execute runs one command line until it is done or ctx is, and gives its exit
// code.
func execute(ctx context.Context, in io.Reader, out, errOut io.Writer, args ...string) int {
	root := newRoot(out, errOut)
	root.SetArgs(args)
	root.SetIn(in)
	root.SetOut(out)
	root.SetErr(errOut)
	err := root.ExecuteContext(ctx)
	if err != nil {
		_, _ = fmt.Fprintf(errOut, "ringcast: %v\n", err) // the exit code tells it, too
	}
	return exitCode(err)
}

func newRoot(out, errOut io.Writer) *cobra.Command {
	root := &cobra.Command{
		Use:           "ringcast",
		Short:         "Ban, revoke and invalidate once; in force on every edge",
		Version:       version,
		SilenceErrors: true, SilenceUsage: true,
		Args: usageArgs(cobra.NoArgs),
		// Without it a command that does not exist would be answered by the help.
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	root.SetVersionTemplate("{{.Name}} {{.Version}}\n")
	root.Flags().Bool("version", false, "print the version")
	root.SetFlagErrorFunc(func(_ *cobra.Command, err error) error { return usageError{err} })
	root.AddCommand(controlCommand(errOut), edgeCommand(errOut), demoCommand(out, errOut), versionCommand(out))
	root.AddCommand(adminCommands(out, errOut)...)
	return root
}

func versionCommand(out io.Writer) *cobra.Command {
	return &cobra.Command{
		Use: "version", Short: "Print the version", Args: usageArgs(cobra.NoArgs),
		RunE: func(*cobra.Command, []string) error {
			_, err := fmt.Fprintln(out, "ringcast", version)
			return err
		},
	}
}

// logging is how a process logs; every process has it among its settings.
type logging struct {
	LogLevel  string `flag:"log-level" default:"info" value:"LEVEL" help:"least level that is logged: debug, info, warn or error"`
	LogFormat string `flag:"log-format" default:"text" value:"FORMAT" help:"text or json"`
}

func (l logging) logger(w io.Writer) (*slog.Logger, error) {
	var level slog.Level
	if err := level.UnmarshalText([]byte(l.LogLevel)); err != nil {
		return nil, usageError{fmt.Errorf("--log-level: %w", err)}
	}
	options := &slog.HandlerOptions{Level: level}
	switch l.LogFormat {
	case "text":
		return slog.New(slog.NewTextHandler(w, options)), nil
	case "json":
		return slog.New(slog.NewJSONHandler(w, options)), nil
	}
	return nil, usageError{fmt.Errorf("--log-format is %q; it is text or json", l.LogFormat)}
}

// runLogged makes run what a process's command does, once cfg is complete; l, a
// part of cfg, then says how it logs.
func runLogged(cmd *cobra.Command, cfg any, l *logging, errOut io.Writer, run func(context.Context, *slog.Logger) error) {
	load := bind(cmd, cfg)
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		if err := load(); err != nil {
			return err
		}
		log, err := l.logger(errOut)
		if err != nil {
			return err
		}
		return run(cmd.Context(), log)
	}
}

// process is what control plane and edge have in common for this command.
type process interface {
	Open(ctx context.Context) error
	Run(ctx context.Context) error
	Close() error
}

// runProcess opens a process, runs it until ctx is done and closes it.
func runProcess(ctx context.Context, p process) (err error) {
	if err := p.Open(ctx); err != nil {
		return err
	}
	defer func() {
		if closeErr := p.Close(); err == nil {
			err = closeErr
		}
	}()
	return p.Run(ctx)
}

// bind ties a command's flags to its settings; load completes them.
func bind(cmd *cobra.Command, cfg any) (load func() error) {
	binding, err := config.Bind(cmd.Flags(), cfg)
	if err != nil {
		panic(fmt.Sprintf("ringcast %s: %v", cmd.Name(), err))
	}
	return func() error {
		if err := binding.Load(os.LookupEnv); err != nil {
			return usageError{err}
		}
		return nil
	}
}
