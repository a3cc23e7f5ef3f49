package report

import (
	"context"
	"log/slog"
	"math/rand/v2"
	"net/url"
	"slices"
	"time"

	"github.com/ringcast/ringcast/internal/wire"
)

// report makes one report and plans the next.
func (r *Reporter) report(ctx context.Context) {
	if r.debts.begin() {
		r.failures = 0
		r.wait.Reset()
	}
	standing := r.edge.Standing() // after begin: what is owed from here on is owed anew
	server := r.server(standing.Server)
	limited, cancel := context.WithTimeout(ctx, postTimeout)
	defer cancel()
	pace, err := r.post(limited, server, r.message(standing))
	if ctx.Err() != nil {
		return // it may have arrived, which does no harm
	}
	if err != nil {
		r.failed(server, err)
		return
	}
	r.accepted(server, standing.InForce, pace)
}

// server begins a round with the control plane of the open stream, or the last one that
// had it, and goes on to the others as they fail.
func (r *Reporter) server(stream string) *url.URL {
	i := slices.IndexFunc(r.cfg.Servers, func(u *url.URL) bool { return u.Redacted() == stream })
	if i >= 0 && r.failures%len(r.cfg.Servers) == 0 {
		r.first = i
	}
	return r.cfg.Servers[(r.first+r.failures)%len(r.cfg.Servers)]
}

func (r *Reporter) accepted(server *url.URL, reported wire.Cursor, pace time.Duration) {
	r.debts.pay(reported)
	r.failures = 0
	r.wait.Reset()
	r.next = time.Now().Add(jitter(pace))
	r.count(Accepted)
	r.heard(server)
	r.cfg.Logger.Debug("reported", "server", server.Redacted(), "position", reported.String(), "again_in", pace)
	if r.trouble != Accepted {
		r.trouble = Accepted
		r.cfg.Logger.Info("the control plane takes reports again", "server", server.Redacted())
	}
}

// failed goes on to the next control plane at once, and waits after a round. One that
// does not know of reports is asked at the slowest pace.
func (r *Reporter) failed(server *url.URL, err error) {
	outcome := outcomeOf(err)
	r.count(outcome)
	r.cfg.Logger.Debug("report failed", "server", server.Redacted(), "error", err)
	if r.failures++; r.failures%len(r.cfg.Servers) != 0 {
		r.next = time.Now()
		return
	}
	wait := r.wait.NextBackOff()
	if outcome == Unsupported {
		wait = jitter(maxBackoff)
	}
	r.next = time.Now().Add(wait)
	r.complain(outcome, server, err)
}

// complain logs a trouble once, until it is another.
func (r *Reporter) complain(outcome Outcome, server *url.URL, err error) {
	if r.trouble == outcome {
		return
	}
	r.trouble = outcome
	if outcome == Unsupported {
		r.cfg.Logger.Warn("the control plane is of a version that takes no reports; it cannot tell what is in force here", "server", server.Redacted())
		return
	}
	r.cfg.Logger.Warn("reports fail and are tried again; until then the control plane cannot tell what is in force here",
		"server", server.Redacted(), "error", err)
}

// leaveLevel is that of a goodbye that nobody took.
func leaveLevel(err error) slog.Level {
	if outcomeOf(err) == Unsupported {
		return slog.LevelDebug
	}
	return slog.LevelWarn
}

// jitter draws a time around d.
func jitter(d time.Duration) time.Duration {
	return time.Duration(float64(d) * (1 - spread + 2*spread*rand.Float64()))
}

func pause(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}
