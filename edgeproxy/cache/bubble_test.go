package cache

import (
	"context"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/ringcast/ringcast/internal/wire"
)

// inBubble runs a test on a cache whose clock is the bubble's. It has no state
// file: fences are published as if they had been stored.
func inBubble(t *testing.T, run func(t *testing.T, r *rig)) {
	t.Helper()
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := &rig{Cache: New(Config{MaxBytes: 1 << 20, MaxEntries: 100, MaxObject: 1 << 10}, NewFences(time.Now), nil)}
		defer r.end(t)
		run(t, r)
	})
}

func (r *rig) fence(t *testing.T, e *wire.CacheInvalidated) {
	t.Helper()
	c, err := r.fences.plan(e, newAdditions())
	if err != nil {
		t.Fatal(err)
	}
	c.stamp(r.fences.Generation() + 1)
	r.fences.publish([]change{c})
}

// client is a request under way.
type client struct {
	body   string
	o      Outcome
	err    error
	done   chan struct{}
	cancel context.CancelFunc
}

// start asks and returns when everybody waits for something.
func (r *rig) start(t *testing.T, request *Request, fetch FetchFunc) *client {
	ctx, cancel := context.WithCancel(t.Context())
	c := &client{done: make(chan struct{}), cancel: cancel}
	go func() {
		defer close(c.done)
		c.body, c.o, c.err = r.ask(ctx, request, fetch)
	}()
	synctest.Wait()
	return c
}

func (c *client) want(t *testing.T, body, outcome string) {
	t.Helper()
	<-c.done
	if got := strings.TrimPrefix(c.o.String(), "ringcast; "); c.body != body || got != outcome || c.err != nil {
		t.Errorf("got %q, %q, %v, want %q, %q", c.body, got, c.err, body, outcome)
	}
}
