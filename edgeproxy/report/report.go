// Package report tells the control plane what an edge has in force: at once where a
// stream got level or the control plane asks for it, else every few seconds. Serving
// does not depend on it.
//
// One goroutine makes the reports, one after the other, and each says how the edge
// stands when it is made: whatever piles up meanwhile is one report.
package report

import (
	"context"
	"log/slog"
	"net/http"
	"net/url"
	"sync"
	"time"

	"github.com/cenkalti/backoff/v5"

	"github.com/ringcast/ringcast/internal/wire"
)

const (
	// usualPace is the time between reports until the control plane has named one.
	usualPace = 5 * time.Second
	// minPace and maxPace keep a control plane that names another from being flooded by
	// its edges, and from hearing of them never again.
	minPace = time.Second
	maxPace = 10 * time.Minute
	// spread is the part of a pace by which it is drawn longer or shorter, so that a
	// fleet that began as one does not report as one.
	spread = 0.2
	// breather is the least time between the end of a report and the next, so that many
	// questions in a row are answered together.
	breather = 10 * time.Millisecond
	// postTimeout keeps a control plane that says nothing from holding up the next one.
	postTimeout = 10 * time.Second
	// leaveTimeout is how long a stop waits for the control planes, all together.
	leaveTimeout = 2 * time.Second
	// minBackoff and maxBackoff bound the wait between rounds through the control
	// planes. It is jittered.
	minBackoff = time.Second
	maxBackoff = 30 * time.Second
)

// Edge is what is reported about.
type Edge interface {
	// Standing is how the edge stands at this moment.
	Standing() Standing
}

// Standing is how an edge stands at one moment.
type Standing struct {
	// Server is the control plane of the open stream, as url.URL.Redacted has it; empty:
	// none is open.
	Server string
	// InForce is the cursor up to which everything is committed and enforced. Its epoch
	// is empty where that is nothing yet.
	InForce wire.Cursor
	// Since is when that came in force, by the monotonic clock; zero: not known.
	Since time.Time
	// Staleness is for how long the log has not vouched for it; below 0: not known.
	Staleness time.Duration
	// Counts are nil where they are not known yet.
	Counts *Counts
}

// Counts are how much an edge has.
type Counts struct {
	// Bans are banned addresses and prefixes, the edge's own among them.
	Bans int
	// Allows are allow entries.
	Allows int
	// Revocations are revoked tokens and subjects.
	Revocations int
	// CacheEntries are stored responses.
	CacheEntries int64
}

// Config says whom to report to, and as whom.
type Config struct {
	// Servers are the control planes' base URLs. At least one.
	Servers []*url.URL
	// Node is the edge's name, Instance that of its state file.
	Node, Instance string
	// Version is the program's.
	Version string
	// Start is when the process started.
	Start time.Time
	// Logger is told when reports begin to fail, and when they work again.
	Logger *slog.Logger
}

// Reporter makes the reports of one edge.
type Reporter struct {
	cfg    Config
	edge   Edge
	client *http.Client
	post   func(ctx context.Context, server *url.URL, m message) (pace time.Duration, err error)
	debts  debts

	// What follows belongs to whoever makes reports: Run, and Leave after it.
	sequence uint64
	first    int // the server that a round begins with
	failures int // since a report was accepted, or a round began anew
	wait     backoff.ExponentialBackOff
	next     time.Time // when a report is due whatever is owed
	trouble  Outcome   // that the log was told of last; Accepted: none

	mu    sync.Mutex
	stats Stats // guarded by mu
}

// New returns a reporter that has made no report yet.
func New(cfg Config, edge Edge) *Reporter {
	r := &Reporter{
		cfg: cfg, edge: edge, client: newClient(), debts: debts{wake: make(chan struct{}, 1)},
		wait: backoff.ExponentialBackOff{
			InitialInterval: minBackoff, MaxInterval: maxBackoff, Multiplier: 2, RandomizationFactor: 0.5,
		},
	}
	r.post = r.send
	r.wait.Reset()
	return r
}

// Levelled calls for a report at once: a stream got level at a position. It also ends
// the patience with a control plane that took none.
func (r *Reporter) Levelled(at wire.Cursor) { r.debts.levelled(at) }

// Asked calls for a report as soon as a position is in force. It stays owed until such a
// report was accepted.
func (r *Reporter) Asked(at wire.Cursor) { r.debts.ask(at) }

// Moved tells that a later position has come in force.
func (r *Reporter) Moved() { r.debts.moved() }

// Run reports until ctx is done, and returns nil then. It never gives up: a report that
// failed is made again to the next control plane, after a wait once none of them took
// it.
func (r *Reporter) Run(ctx context.Context) error {
	defer r.client.CloseIdleConnections()
	r.next = time.Now().Add(jitter(usualPace))
	for r.await(ctx) {
		r.report(ctx)
		pause(ctx, breather)
	}
	return nil
}

// await returns true once a report is due, and false once ctx is done.
func (r *Reporter) await(ctx context.Context) bool {
	timer := time.NewTimer(time.Until(r.next))
	defer timer.Stop()
	for {
		if ctx.Err() != nil || r.debts.due(r.edge.Standing().InForce, r.failures == 0) {
			return ctx.Err() == nil
		}
		select {
		case <-ctx.Done():
		case <-timer.C:
			return ctx.Err() == nil
		case <-r.debts.wake:
		}
	}
}

// Leave says that the edge has stopped serving and leaves the fleet, to the first
// control plane that takes it, within 2 seconds in all. It is for after the end of Run,
// and says it whether or not Run made a report: an earlier run may have.
func (r *Reporter) Leave(ctx context.Context) {
	defer r.client.CloseIdleConnections()
	ctx, cancel := context.WithTimeout(ctx, leaveTimeout)
	defer cancel()
	standing := r.edge.Standing()
	var err error
	for i := range r.cfg.Servers {
		server := r.cfg.Servers[(r.first+i)%len(r.cfg.Servers)]
		if err = r.leave(ctx, server, standing); err == nil {
			r.cfg.Logger.Debug("left the fleet", "server", server.Redacted())
			return
		}
	}
	r.cfg.Logger.Log(ctx, leaveLevel(err), "no control plane heard that this edge stops", "error", err)
}

// leave gives each server a share of the time.
func (r *Reporter) leave(ctx context.Context, server *url.URL, standing Standing) error {
	ctx, cancel := context.WithTimeout(ctx, leaveTimeout/time.Duration(len(r.cfg.Servers)))
	defer cancel()
	m := r.message(standing)
	m.Leaving = true
	_, err := r.post(ctx, server, m)
	r.count(outcomeOf(err))
	return err
}
