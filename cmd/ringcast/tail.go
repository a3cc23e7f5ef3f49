package main

import (
	"context"
	"errors"
	"math/rand/v2"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/ringcast/ringcast/internal/wire"
)

const (
	// firstRetry is the wait before a lost stream is asked for again, where the
	// server has named none.
	firstRetry = time.Second
	// maxRetry bounds the wait, which doubles with each failure.
	maxRetry = 30 * time.Second
)

// tailSettings are the settings of tail.
type tailSettings struct {
	HTTPServer string `flag:"http-server" default:"http://localhost:4000" value:"URL" help:"HTTP address of the control plane"`
	patience
	output
}

func tailCommand(a *admin) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "tail",
		Short: "Print events as they happen",
		Long: "Print the events of the stream as they happen, and resume where it was when the connection is lost.\n" +
			"-o json is the same as jsonl here.",
		Example: "  ringcast tail\n  ringcast tail --last-event-id 7f3a9c-42 --no-follow -o jsonl\n  ringcast tail --channel 'orders:*' --type order.created",
		Args:    usageArgs(noArgs),
	}
	flags := cmd.Flags()
	from := flags.String("last-event-id", wire.Latest, "begin after this event, latest: from now on, empty: with the whole live state")
	noFollow := flags.Bool("no-follow", false, "end when there is nothing more for now")
	// Arrays and not slices: each is one name, and a comma is part of none.
	filters := map[string]*[]string{
		wire.QueryChannels: flags.StringArray("channel", nil, "print published events of this channel, too; * at the end makes a prefix (repeatable)"),
		wire.QueryTypes:    flags.StringArray("type", nil, "print events of this type alone (repeatable)"),
		wire.QueryTags:     flags.StringArray("tag", nil, "of invalidations by tags print those that may touch this one alone; * at the end makes a prefix (repeatable)"),
	}
	control := flags.Bool("control-frames", false, "print control frames too")
	var cfg tailSettings
	load := bind(cmd, &cfg)
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		if err := load(); err != nil {
			return err
		}
		t, err := newTailer(a, cfg, *from)
		if err != nil {
			return err
		}
		t.follow, t.control = !*noFollow, *control
		t.filter(filters)
		defer t.client.CloseIdleConnections()
		return t.run(cmd.Context())
	}
	return cmd
}

// tailer follows the stream over any number of connections.
type tailer struct {
	*admin
	printer tailPrinter
	client  *http.Client
	server  *url.URL
	follow  bool // go on at the head
	control bool // print control frames

	from     string      // what to ask for until there is a cursor
	last     wire.Cursor // the last id, where it is not zero
	came     bool        // there was a stream, ever
	retry    time.Duration
	failures int // since the stream last had something
}

func newTailer(a *admin, cfg tailSettings, from string) (*tailer, error) {
	if err := cfg.check(); err != nil {
		return nil, err
	}
	server, err := parseURL("--http-server", cfg.HTTPServer)
	if err != nil {
		return nil, err
	}
	if from != "" && from != wire.Latest {
		if _, err := wire.ParseCursor(from); err != nil {
			return nil, usageErrorf("--last-event-id is %q: %w", from, err)
		}
	}
	p, err := cfg.printer(a.out, a.now)
	if err != nil {
		return nil, err
	}
	return &tailer{
		admin: a, printer: tailPrinter{printer: p}, client: httpClient(cfg.patience),
		server: server.JoinPath(wire.EventsPath), from: from, retry: firstRetry,
	}, nil
}

// filter asks for some events alone.
func (t *tailer) filter(filters map[string]*[]string) {
	query := t.server.Query()
	for parameter, names := range filters {
		if len(*names) > 0 {
			query.Set(parameter, strings.Join(*names, ","))
		}
	}
	t.server.RawQuery = query.Encode()
}

// lostError is the end of a stream, or of an attempt to get one, that another
// attempt may mend.
type lostError struct {
	err   error
	after time.Duration // not before this, where the server said so
}

// Error implements error.
func (e *lostError) Error() string { return e.err.Error() }

// Unwrap gives the cause.
func (e *lostError) Unwrap() error { return e.err }

// run prints until ctx is done, or without follow until the head. A stream that
// was there once is asked for again, for ever; one that never was is an error.
func (t *tailer) run(ctx context.Context) error {
	for {
		err := t.connect(ctx)
		if err == nil || ctx.Err() != nil {
			return nil
		}
		lost, ok := errors.AsType[*lostError](err)
		if !ok || !t.came {
			return err
		}
		wait := max(t.wait(), min(lost.after, maxRetry))
		t.note("%v; trying again in %s", err, wait.Round(time.Millisecond))
		if t.failures++; !pause(ctx, wait) {
			return nil
		}
	}
}

// wait doubles with each failure, with up to a half on top, so that many who
// lost one server do not come back as one.
func (t *tailer) wait() time.Duration {
	const mostDoublings = 10 // keeps the shift from overflowing
	wait := min(t.retry<<min(t.failures, mostDoublings), maxRetry)
	return wait + rand.N(wait/2+1)
}

// pause tells whether the time passed before ctx was done.
func pause(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}
