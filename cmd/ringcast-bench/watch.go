package main

import (
	"context"
	"fmt"
	"time"
)

// watchEvery is how often a watched edge is asked: often enough to meet a moment
// without bans, seldom enough to leave it the CPU.
const watchEvery = time.Millisecond

// watch is what clients got from an edge while it was busy.
type watch struct {
	// first is when the edge first answered at all, changed when a client first got
	// the answer to which its own may change.
	first, changed time.Time
	right          int
	wrong          []string
}

// client is one that asks, and what it must get.
type client struct {
	from string
	want int
	// then is what it may get instead from some moment on, for good; 0: nothing.
	then int
}

// watchEdge has clients ask an edge in turn until end is called. An edge that
// does not answer yet does no wrong.
func watchEdge(ctx context.Context, e *edge, clients ...client) (end func() watch) {
	ctx, cancel := context.WithCancel(ctx)
	result := make(chan watch, 1)
	go func() {
		var w watch
		for ctx.Err() == nil {
			for i := range clients {
				w.ask(ctx, e, &clients[i])
			}
			pause(ctx, watchEvery)
		}
		result <- w
	}()
	return func() watch {
		cancel()
		return <-result
	}
}

func (w *watch) ask(ctx context.Context, e *edge, c *client) {
	v := newVisitor(c.from)
	defer v.leave()
	got, err := v.visit(ctx, e.url)
	if w.first.IsZero() && err == nil {
		w.first = time.Now()
	}
	switch {
	case w.first.IsZero(), ctx.Err() != nil:
	case err != nil || (got != c.want && got != c.then):
		w.wrong = append(w.wrong, fmt.Sprintf("client %s got %d instead of %d, error %v", c.from, got, c.want, err))
	case got == c.want:
		w.right++
	default:
		w.right++
		w.changed = time.Now()
		c.want, c.then = c.then, 0
	}
}

// check gives an error where an answer was wrong.
func (w watch) check() error {
	if len(w.wrong) > 0 {
		return fmt.Errorf("%d wrong answers, such as: %s", len(w.wrong), w.wrong[0])
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
