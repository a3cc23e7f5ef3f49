package fleet

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/ringcast/ringcast/controlplane"
	"github.com/ringcast/ringcast/internal/wire"
)

// WaitRequest says what to wait for.
type WaitRequest struct {
	// At is what edges have to have in force. An empty epoch is the log's.
	At wire.Cursor
	// Quorum is how many of them.
	Quorum Quorum
	// Timeout is how long to wait.
	Timeout time.Duration
	// AllowNone takes it for success that there is nobody to wait for.
	AllowNone bool
}

// Standing is where an edge stood at the end of a wait.
type Standing int

// The standings.
const (
	// Confirmed: it has what was waited for in force.
	Confirmed Standing = iota + 1
	// Lagging: it can be reached, and does not.
	Lagging
	// Unreachable: it cannot be reached.
	Unreachable
	// Gone: it left during the wait.
	Gone
)

// Confirmation is an edge at the end of a wait.
type Confirmation struct {
	controlplane.EdgeKey
	Standing Standing
	// Position is what it last reported.
	Position uint64
	// Heard is when that was, or when it connected.
	Heard time.Time
	// UnreachableSince is zero where it can be reached.
	UnreachableSince time.Time
}

// Outcome is what came of a wait.
type Outcome struct {
	// Reached tells that Needed edges have Confirmed.
	Reached           bool
	At                wire.Cursor
	Needed, Confirmed int
	// Edges are those that counted, in order.
	Edges []Confirmation
	// Forgotten are edges that did not count; see Fleet.Forgotten.
	Forgotten []Forgotten
	Elapsed   time.Duration
}

// wait is somebody who waits. The fleet's mu guards it.
type wait struct {
	WaitRequest
	began time.Time
	// edges are those that count: whether each is confirmed.
	edges     map[*member]bool
	confirmed int
	gone      []*member
	outcome   *Outcome
	done      chan struct{} // closed when there is an outcome
}

// Wait returns once enough edges have everything up to a position in force, or once the
// time is up. Which edges count is settled at its beginning. Errors of its own are of
// kinds Precondition, Invalid and Unavailable; others are the log's and the context's.
func (f *Fleet) Wait(ctx context.Context, r WaitRequest) (Outcome, error) {
	if err := f.check(ctx, &r); err != nil {
		return Outcome{}, err
	}
	w, err := f.beginWait(r)
	if err != nil {
		return Outcome{}, err
	}
	defer f.endWait(w)
	timer := time.NewTimer(r.Timeout)
	defer timer.Stop()
	select {
	case <-w.done:
	case <-timer.C:
		f.giveUp(w)
	case <-f.ended:
		return Outcome{}, controlplane.Errorf(controlplane.Unavailable, controlplane.ReasonLogUnavailable, "the control plane is shutting down; wait again")
	case <-ctx.Done():
		return Outcome{}, fmt.Errorf("wait for edges: %w", ctx.Err())
	}
	f.metrics.waited(w.outcome)
	return *w.outcome, nil
}

// check refuses what no edge will ever have in force.
func (f *Fleet) check(ctx context.Context, r *WaitRequest) error {
	if r.At.Epoch == "" {
		r.At.Epoch = f.epoch
	}
	if r.At.Epoch != f.epoch {
		return controlplane.Errorf(controlplane.Precondition, controlplane.ReasonAnotherEpoch, "epoch %.32q is not this log's, which is %s", r.At.Epoch, f.epoch)
	}
	return f.inLog(ctx, r.At.Position)
}

func (f *Fleet) beginWait(r WaitRequest) (*wait, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	w := &wait{WaitRequest: r, began: f.cfg.Now(), edges: map[*member]bool{}, done: make(chan struct{})}
	for _, m := range f.members {
		if _, unreachable := m.unreachable(w.began, f.interval()); unreachable && r.Quorum.kind == ofLive {
			continue
		}
		w.edges[m] = m.has(r.At)
		if w.edges[m] {
			w.confirmed++
		}
	}
	if needed := w.needed(); len(w.edges) > 0 && needed > len(w.edges) {
		return nil, controlplane.Errorf(controlplane.Precondition, controlplane.ReasonQuorumTooLarge, "the quorum is %d edges, and %d are known", needed, len(w.edges))
	}
	f.waits[w] = struct{}{}
	if !f.settle(w) {
		f.ask()
	}
	return w, nil
}

// endWait is called once for each wait that began.
func (f *Fleet) endWait(w *wait) {
	f.mu.Lock()
	defer f.mu.Unlock()
	delete(f.waits, w)
	f.ask()
}

// settle gives a wait its outcome where there is no reason to wait on. The caller holds
// mu.
func (f *Fleet) settle(w *wait) bool {
	nobody := len(w.edges) == 0
	if !nobody && w.confirmed < w.needed() {
		return false
	}
	f.conclude(w, !nobody || w.AllowNone)
	return true
}

func (f *Fleet) giveUp(w *wait) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.conclude(w, false)
}

// conclude is called with mu held. The first outcome stays.
func (f *Fleet) conclude(w *wait, reached bool) {
	if w.outcome != nil {
		return
	}
	now := f.cfg.Now()
	w.outcome = &Outcome{
		Reached: reached, At: w.At, Needed: w.needed(), Confirmed: w.confirmed,
		Forgotten: f.recentlyForgotten(now), Elapsed: now.Sub(w.began),
	}
	for m, confirmed := range w.edges {
		w.outcome.Edges = append(w.outcome.Edges, m.confirmation(confirmed, now, f.interval()))
	}
	for _, m := range w.gone {
		c := m.confirmation(false, now, f.interval())
		c.Standing = Gone
		w.outcome.Edges = append(w.outcome.Edges, c)
	}
	slices.SortFunc(w.outcome.Edges, func(a, b Confirmation) int {
		if a.Less(b.EdgeKey) {
			return -1
		}
		return 1
	})
	close(w.done)
}

func (m *member) confirmation(confirmed bool, now time.Time, interval time.Duration) Confirmation {
	c := Confirmation{EdgeKey: m.key, Standing: Lagging, Position: m.report.At.Position, Heard: m.heard}
	since, unreachable := m.unreachable(now, interval)
	switch {
	case confirmed:
		c.Standing = Confirmed
	case unreachable:
		c.Standing = Unreachable
	}
	if unreachable {
		c.UnreachableSince = since
	}
	return c
}

// needed is how many edges have to confirm.
func (w *wait) needed() int { return w.Quorum.of(len(w.edges)) }

// hear takes note of a report. It tells whether anything has changed.
func (w *wait) hear(m *member) bool {
	before, counts := w.edges[m]
	after := m.has(w.At)
	if !counts || before == after {
		return false
	}
	w.edges[m] = after
	if after {
		w.confirmed++
	} else {
		w.confirmed--
	}
	return true
}

// lose takes note that an edge is gone. It tells whether it counted.
func (w *wait) lose(m *member) bool {
	confirmed, counts := w.edges[m]
	if !counts {
		return false
	}
	delete(w.edges, m)
	w.gone = append(w.gone, m)
	if confirmed {
		w.confirmed--
	}
	return true
}

// maxForgotten bounds the edges that an answer names as forgotten.
const maxForgotten = 100

// Forgotten is an edge that was given up because nobody heard of it.
type Forgotten struct {
	controlplane.EdgeKey
	At time.Time
}

// countForgotten drops what is no longer told. The caller holds mu.
func (f *Fleet) countForgotten(now time.Time) int {
	maps.DeleteFunc(f.forgotten, func(_ controlplane.EdgeKey, at time.Time) bool {
		return now.Sub(at) >= controlplane.RememberForgotten
	})
	return len(f.forgotten)
}

// recentlyForgotten gives the latest first. The caller holds mu.
func (f *Fleet) recentlyForgotten(now time.Time) []Forgotten {
	f.countForgotten(now)
	var list []Forgotten
	for key, at := range f.forgotten {
		list = append(list, Forgotten{key, at})
	}
	slices.SortFunc(list, func(a, b Forgotten) int {
		if order := b.At.Compare(a.At); order != 0 {
			return order
		}
		if a.Less(b.EdgeKey) {
			return -1
		}
		return 1
	})
	return list[:min(len(list), maxForgotten)]
}
