package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"time"

	"github.com/spf13/cobra"
)

// defaultTimeout ends a benchmark that hangs. At their full sizes all of them
// take minutes.
const defaultTimeout = 15 * time.Minute

// session is one command line.
type session struct {
	args        []string
	out, errOut io.Writer

	dir     string
	timeout time.Duration
}

func (s *session) bind(root *cobra.Command) {
	flags := root.PersistentFlags()
	flags.StringVar(&s.dir, "dir", os.TempDir(), "where a scratch directory is made; it is this disk that is measured")
	flags.DurationVar(&s.timeout, "timeout", defaultTimeout, "end after this time, whatever has been measured")
}

// bench is what a benchmark is given.
type bench struct {
	session *session
	// dir is a scratch directory, gone afterwards.
	dir string
}

// command makes the command of a benchmark.
func (s *session) command(use, short string, measure func(context.Context, *bench) error) *cobra.Command {
	return &cobra.Command{
		Use: use, Short: short, Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			ctx, cancel := context.WithTimeout(cmd.Context(), s.timeout)
			defer cancel()
			return s.run(ctx, measure)
		},
	}
}

func (s *session) run(ctx context.Context, measure func(context.Context, *bench) error) (err error) {
	dir, err := os.MkdirTemp(s.dir, "ringcast-bench-")
	if err != nil {
		return fmt.Errorf("make scratch directory: %w", err)
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	return measure(ctx, &bench{session: s, dir: dir})
}

// part gives a benchmark of several parts a scratch directory for one of them.
func (b *bench) part(name string) (*bench, error) {
	dir := filepath.Join(b.dir, name)
	if err := os.Mkdir(dir, 0o700); err != nil {
		return nil, fmt.Errorf("make scratch directory: %w", err)
	}
	return &bench{session: b.session, dir: dir}, nil
}

// say tells a person how far it is.
func (b *bench) say(format string, args ...any) {
	_, _ = fmt.Fprintf(b.session.errOut, format+"\n", args...) // it is only a courtesy
}

// publish prints a table below the command that made it.
func (b *bench) publish(t *table) error {
	_, err := fmt.Fprintf(b.session.out, "$ ringcast-bench %s\n%s %s/%s, %d CPUs, load %s\n\n%s\n",
		strings.Join(b.session.args, " "), runtime.Version(), runtime.GOOS, runtime.GOARCH, runtime.NumCPU(), loadAverage(), t)
	return err
}

// loadAverage is how many tasks wanted a CPU in the last minute, the benchmark's
// own included: a shared machine measures its neighbours, too.
func loadAverage() string {
	text, err := os.ReadFile("/proc/loadavg")
	if err != nil {
		return "unknown"
	}
	first, _, _ := strings.Cut(string(text), " ")
	return first
}
