// Package follow keeps an edge's state level with the control plane's stream.
//
// It presents the position that the state has committed, never one that it has
// merely read, so whatever happens to the connection or the process, the stream
// goes on exactly where the state stands. One goroutine reads and decodes; the
// other puts in force, as many units in one transaction as are waiting.
package follow

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"time"

	"github.com/cenkalti/backoff/v5"

	"github.com/ringcast/ringcast/edgeproxy"
	"github.com/ringcast/ringcast/internal/wire"
)

const (
	// minBackoff and maxBackoff bound the wait between rounds through the
	// servers. The wait is jittered, so that a fleet does not come back as one.
	minBackoff = time.Second
	maxBackoff = 30 * time.Second
	// dialTimeout and headerTimeout keep a server that is gone, or that accepts
	// and says nothing, from holding up the next one.
	dialTimeout   = 5 * time.Second
	headerTimeout = 10 * time.Second
)

// State is what the stream is put into; package state implements it.
type State interface {
	// Cursor is the committed cursor; ok is false until a first reset was completed.
	Cursor() (c wire.Cursor, ok bool)
	// Instance names the state file.
	Instance() string
	Apply(ctx context.Context, units []edgeproxy.Unit) error
	Gap(ctx context.Context) error
	BeginReset(ctx context.Context) error
	Aside(ctx context.Context, events []any) error
	Switch(ctx context.Context, epoch string, position uint64) error
	Abandon(ctx context.Context) error
	// Vouched is what the run before this one left with SetVouched.
	Vouched() time.Time
	SetVouched(ctx context.Context, at time.Time) error
}

// Reporter is told what calls for a report; package report implements it. Its methods
// do not wait.
type Reporter interface {
	// Levelled tells that a stream got level at a position, which is in force.
	Levelled(at wire.Cursor)
	// Asked tells that the control plane wants a report once a position is in force,
	// which it may be or not.
	Asked(at wire.Cursor)
	// Moved tells that a later position has come in force.
	Moved()
}

// unheard is a Reporter for an edge that makes no reports.
type unheard struct{}

func (unheard) Levelled(wire.Cursor) {}
func (unheard) Asked(wire.Cursor)    {}
func (unheard) Moved()               {}

// Config says whom to follow, and as whom.
type Config struct {
	// Servers are the control planes' base URLs, tried in turn. At least one.
	Servers []*url.URL
	// Node is the edge's name.
	Node string
	// Logger is told of connections, losses and alarms.
	Logger *slog.Logger
	// Reporter may be nil.
	Reporter Reporter
}

// Follower follows the stream.
type Follower struct {
	cfg    Config
	state  State
	client *http.Client
	status
}

// New returns a follower that is not connected yet.
func New(cfg Config, state State) *Follower {
	if cfg.Reporter == nil {
		cfg.Reporter = unheard{}
	}
	return &Follower{cfg: cfg, state: state, status: status{now: Status{Vouched: state.Vouched()}}, client: &http.Client{
		Transport: &http.Transport{
			DialContext:           (&net.Dialer{Timeout: dialTimeout}).DialContext,
			TLSHandshakeTimeout:   dialTimeout,
			ResponseHeaderTimeout: headerTimeout,
			DisableCompression:    true,
		},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}
}

// Run follows until ctx is done, and returns nil then. It never gives up: a lost
// stream is resumed at the next server, after a wait once none of them had one.
func (f *Follower) Run(ctx context.Context) error {
	defer f.client.CloseIdleConnections()
	wait := &backoff.ExponentialBackOff{
		InitialInterval: minBackoff, MaxInterval: maxBackoff, Multiplier: 2, RandomizationFactor: 0.5,
	}
	wait.Reset()
	for failures, next := 0, 0; ctx.Err() == nil; next++ {
		server := f.cfg.Servers[next%len(f.cfg.Servers)]
		synced, err := f.connect(ctx, server)
		if ctx.Err() != nil {
			break
		}
		f.cfg.Logger.Warn("stream lost", "server", server.Redacted(), "error", err)
		if synced {
			wait.Reset()
			failures = 0
		}
		if synced && errors.Is(err, errShutdown) {
			continue
		}
		if failures++; failures%len(f.cfg.Servers) == 0 {
			pause(ctx, max(wait.NextBackOff(), retryAfter(err)))
		}
	}
	return nil
}

func pause(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}

// busyError is a server's refusal that names a time to come back.
type busyError struct {
	status int
	after  time.Duration
}

func (e *busyError) Error() string {
	return fmt.Sprintf("server answers %d, come back in %s", e.status, e.after)
}

// retryAfter is the time that the server asked for, within bounds.
func retryAfter(err error) time.Duration {
	var busy *busyError
	if errors.As(err, &busy) {
		return min(busy.after, maxBackoff)
	}
	return 0
}
