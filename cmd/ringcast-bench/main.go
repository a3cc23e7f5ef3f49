// Command ringcast-bench measures what Ringcast promises of its speed, side by
// side with the way without it. It is for developers, runs on Linux, uses
// loopback alone, and is not released.
//
//	go run ./cmd/ringcast-bench append
//
// Every figure of a comparison comes from one run. The sides take turns, round by
// round, so that a change of the machine's load meets them alike; a figure is the
// median of the rounds, with the least and the greatest in brackets.
package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"

	"github.com/spf13/cobra"
)

func main() {
	os.Exit(run(os.Args[1:], os.Stdout, os.Stderr))
}

// run executes one command line and gives its exit code: 1 where something could
// not be measured or an answer was wrong. A target that was missed is no error.
func run(args []string, out, errOut io.Writer) int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	root := newRoot(&session{args: args, out: out, errOut: errOut})
	root.SetArgs(args)
	root.SetOut(out)
	root.SetErr(errOut)
	if err := root.ExecuteContext(ctx); err != nil {
		_, _ = fmt.Fprintf(errOut, "ringcast-bench: %v\n", err) // the exit code says it too
		return 1
	}
	return 0
}

func newRoot(s *session) *cobra.Command {
	root := &cobra.Command{
		Use:           "ringcast-bench",
		Short:         "Measure what Ringcast promises of its speed",
		SilenceErrors: true, SilenceUsage: true,
	}
	s.bind(root)
	root.AddCommand(appendCommand(s), checkCommand(s), replayCommand(s), restartCommand(s), propagateCommand(s), resumeCommand(s), cacheCommand(s), gatesCommand(s), importCommand(s),
		fleetCommand(s), edgesCommand(s), networkCommand(s))
	return root
}
