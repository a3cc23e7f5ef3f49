package autoban

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"net/url"
	"sync/atomic"
	"time"

	"github.com/cenkalti/backoff/v5"
)

const (
	// maxReports bounds the reports that wait while the control plane is away, and so
	// their memory: about a megabyte.
	maxReports = 10_000
	// reportRate and reportBurst keep an attack on one edge from becoming one on the
	// control plane and on every other edge. They count a second.
	reportRate  = 50
	reportBurst = 200
	// minBackoff and maxBackoff bound the wait between rounds through the control
	// planes. It is jittered.
	minBackoff = time.Second
	maxBackoff = 30 * time.Second
)

// reporter tells the control plane of bans.
type reporter struct {
	bans     Bans
	now      func() time.Time
	log      *slog.Logger
	servers  []*url.URL
	client   *http.Client
	instance string
	queue    chan Ban
	wait     backoff.ExponentialBackOff

	reported, dropped atomic.Uint64
}

func newReporter(deps Deps) *reporter {
	return &reporter{
		bans: deps.Bans, now: deps.Now, log: deps.Logger,
		servers: deps.Servers, client: deps.Client, instance: deps.Instance,
		queue: make(chan Ban, maxReports),
		wait: backoff.ExponentialBackOff{
			InitialInterval: minBackoff, MaxInterval: maxBackoff, Multiplier: 2, RandomizationFactor: 0.5,
		},
	}
}

// add never waits.
func (r *reporter) add(ban Ban) {
	select {
	case r.queue <- ban:
	default:
		r.dropped.Add(1)
	}
}

// run reports until ctx is done. A ban of which nobody has heard goes behind those that
// wait, so that one that the control plane chokes on is not in the way of the others.
func (r *reporter) run(ctx context.Context) {
	limit := newBucket(reportRate, reportBurst, r.now())
	r.wait.Reset()
	for failures, next := 0, 0; ; {
		select {
		case <-ctx.Done():
			return
		case ban := <-r.queue:
			if !r.wanted(ban) {
				continue
			}
			pause(ctx, limit.take(r.now()))
			err := r.post(ctx, r.servers[next%len(r.servers)], ban)
			if ctx.Err() != nil {
				return
			}
			if r.settle(ctx, ban, err) {
				failures = 0
				r.wait.Reset()
				continue
			}
			r.add(ban)
			next++
			if failures++; failures%len(r.servers) == 0 {
				r.log.Warn("an automatic ban could not be reported and is tried again", "error", err)
				pause(ctx, r.wait.NextBackOff())
			}
		}
	}
}

// wanted tells whether the control plane has still to hear of a ban. Where that is not
// known, it has. A ban that was lifted while its report waited must not come back from
// the log, and on every edge.
func (r *reporter) wanted(ban Ban) bool {
	own, err := r.bans.Own(ban.Prefix)
	if !r.now().Before(ban.End()) || !own && err == nil {
		r.dropped.Add(1)
		return false
	}
	recorded, err := r.bans.Recorded(ban.Prefix)
	return !recorded || err != nil
}

// settle draws the conclusion from an answer. It is false where there was none.
func (r *reporter) settle(ctx context.Context, ban Ban, err error) bool {
	switch {
	case err == nil:
		r.reported.Add(1)
	case errors.Is(err, errAllowed):
		r.dropped.Add(1)
		if err := r.bans.Lift(ctx, ban.Prefix); err != nil && ctx.Err() == nil {
			r.log.Error("the ban of an allowed client could not be lifted", "prefix", ban.Prefix, "error", err)
		}
	case errors.Is(err, errRefused):
		r.dropped.Add(1)
		r.log.Error("the control plane refuses an automatic ban", "prefix", ban.Prefix, "error", err)
	default:
		return false
	}
	return true
}
