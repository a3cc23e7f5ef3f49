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

func main() {
	os.Exit(run(os.Args[1:], os.Stdout, os.Stderr))
}

// run executes one command line and gives its exit code. SIGTERM and an
// interrupt end it in an orderly way; a second one ends it at once.
func run(args []string, out, errOut io.Writer) int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	context.AfterFunc(ctx, stop)
	root := newRoot(out, errOut)
	root.SetArgs(args)
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
		SilenceErrors: true, SilenceUsage: true,
		Args: usageArgs(cobra.NoArgs),
		// Without it a command that does not exist would be answered by the help.
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
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
