package cache

import (
	"testing"
	"time"

	"github.com/ringcast/ringcast/internal/wire"
)

func TestSettlingResponsesAreNotStored(t *testing.T) {
	t.Parallel()
	r := newRig(t, Config{})
	fetch := always(func() *Response { return respond(200, "x", "Cache-Control: max-age=60", "Cache-Tag: a") })
	r.invalidate(t, &wire.CacheInvalidated{Tags: []string{"a"}, Settle: "2s"})
	for range 2 {
		if got := r.outcome(t, get("/"), fetch); got != "fwd=uri-miss; fwd-status=200" {
			t.Errorf("while settling: %q", got)
		}
	}
	r.clock.advance(2 * time.Second)
	r.outcome(t, get("/"), fetch)
	if got := r.outcome(t, get("/"), fetch); got != "hit; ttl=60" {
		t.Errorf("after it: %q", got)
	}
}

func TestSettlingFetchIsSharedWhileItSettles(t *testing.T) {
	for name, guess := range map[string]bool{"tags unknown": false, "tags known": true} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(t *testing.T, r *rig) {
				tagged := func(body string) *Response { return respond(200, body, fresh, "Cache-Tag: a") }
				if guess {
					r.outcome(t, get("/"), always(func() *Response { return tagged("0") }))
				}
				r.fence(t, &wire.CacheInvalidated{Tags: []string{"a"}, Settle: "10s"})
				old, w := stream(fresh, "Cache-Tag: a")
				next := always(func() *Response { return tagged("new") })
				clients := []*client{
					r.start(t, get("/"), always(func() *Response { return old })),
					r.start(t, get("/"), next),
				}
				write1(t, w, "old")
				time.Sleep(10 * time.Second) // the bubble's
				r.start(t, get("/"), next).want(t, "new", "fwd=uri-miss; fwd-status=200; stored")
				_ = w.Close()
				clients[0].want(t, "old", "fwd=uri-miss; fwd-status=200")
				clients[1].want(t, "old", "fwd=uri-miss; fwd-status=200; collapsed")
			})
		})
	}
}
