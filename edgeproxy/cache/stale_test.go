package cache

import (
	"context"
	"errors"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/ringcast/ringcast/internal/wire"
)

func TestStaleWithinItsWindows(t *testing.T) {
	t.Parallel()
	broken := func(context.Context, Question) (*Response, error) { return nil, errors.New("no route") }
	unavailable := always(func() *Response { return respond(503, "sorry", "Cache-Control: max-age=60") })
	for _, soft := range []bool{false, true} {
		r := newRig(t, Config{})
		fill := always(func() *Response {
			return respond(200, "old", "X-Cache-Tags: a",
				"Cache-Control: max-age=60, stale-while-revalidate=10, stale-if-error=30")
		})
		r.outcome(t, get("/"), fill)
		if soft {
			r.invalidate(t, &wire.CacheInvalidated{Tags: []string{"a"}, Soft: true})
		} else {
			r.clock.advance(60 * time.Second)
		}
		late := ""
		check := func(want string, fetch FetchFunc) {
			t.Helper()
			if got := r.outcome(t, get("/"), fetch); got != want {
				t.Errorf("soft %v, %s: %q, want %q", soft, late, got, want)
			}
		}
		check("hit; ttl=0", broken)
		r.clock.advance(9 * time.Second)
		if soft { // another soft fence gives no new grace to an entry in use
			r.invalidate(t, &wire.CacheInvalidated{Tags: []string{"a"}, Soft: true})
		}
		check("hit; ttl=-9", broken)
		r.clock.advance(time.Second)
		late = "after stale-while-revalidate"
		check("fwd=stale; ttl=-10", broken)
		check("fwd=stale; fwd-status=503; ttl=-10", unavailable)
		r.clock.advance(20 * time.Second)
		late = "after stale-if-error"
		if _, _, err := r.ask(t.Context(), get("/"), broken); err == nil {
			t.Errorf("soft %v: no error after the window", soft)
		}
		check("fwd=stale; fwd-status=503; stored", unavailable)
	}
}

func TestHardFenceLeavesNothingForErrors(t *testing.T) {
	t.Parallel()
	r := newRig(t, Config{})
	r.outcome(t, get("/"), always(func() *Response {
		return respond(200, "old", "Cache-Control: max-age=60, stale-while-revalidate=99, stale-if-error=99")
	}))
	r.invalidate(t, &wire.CacheInvalidated{Keys: []string{"/"}})
	broken := func(context.Context, Question) (*Response, error) { return nil, errors.New("no route") }
	if body, _, err := r.ask(t.Context(), get("/"), broken); err == nil {
		t.Errorf("got %q", body)
	}
}

func TestHardFenceWhileTheOriginFails(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		r.outcome(t, get("/"), always(func() *Response { return respond(200, "old", "Cache-Control: max-age=1, stale-if-error=99") }))
		time.Sleep(2 * time.Second) // the bubble's
		origin := newHeldFetch()
		c := r.start(t, get("/"), origin.fetch)
		r.fence(t, &wire.CacheInvalidated{Keys: []string{"/"}})
		origin.answer <- respond(503, "sorry")
		c.want(t, "sorry", "fwd=stale; fwd-status=503")
	})
}

func TestErrorThatIsNotShownIsClosed(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		r.outcome(t, get("/"), always(func() *Response { return respond(200, "old", "Cache-Control: max-age=1, stale-if-error=99") }))
		time.Sleep(2 * time.Second) // the bubble's
		body := &closeCounter{Reader: strings.NewReader("sorry")}
		failing := always(func() *Response { return &Response{Status: 503, Header: Header{}, Body: body, Length: 5} })
		r.start(t, get("/"), failing).want(t, "old", "fwd=stale; fwd-status=503; ttl=-1")
		if body.closed != 1 {
			t.Errorf("the error's body was closed %d times", body.closed)
		}
	})
}

func TestOnlyOneRefreshes(t *testing.T) {
	t.Parallel()
	r := newRig(t, Config{})
	fetch := always(func() *Response { return respond(200, "x", "Cache-Control: max-age=1, stale-while-revalidate=60") })
	r.outcome(t, get("/"), fetch)
	r.clock.advance(2 * time.Second)
	first, second := r.Begin(get("/")), r.Begin(get("/"))
	if !first.Refresh || second.Refresh || second.Action != Serve {
		t.Fatalf("first refreshes: %v, second: %v", first.Refresh, second.Refresh)
	}
	a, err := r.Do(t.Context(), get("/"), first.ForRefresh(), fetch)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.ReadAll(a.Body); err != nil {
		t.Fatal(err)
	}
	_ = a.Body.Close()
	first.EndRefresh()
	if d := r.Begin(get("/")); d.Action != Serve || d.Refresh || d.Outcome.TTL != 1 {
		t.Errorf("after the refresh: %+v", d)
	}
}

// TestGraceBeginsWithTheFirstSoftFence, also where nobody asked in between.
func TestGraceBeginsWithTheFirstSoftFence(t *testing.T) {
	t.Parallel()
	r := newRig(t, Config{})
	fill := always(func() *Response {
		return respond(200, "x", "Cache-Tag: a", "Cache-Control: max-age=600, stale-while-revalidate=10, stale-if-error=30")
	})
	broken := func(context.Context, Question) (*Response, error) { return nil, errors.New("no route") }
	purge := func() { r.invalidate(t, &wire.CacheInvalidated{Tags: []string{"a"}, Soft: true}) }
	r.outcome(t, get("/before"), fill)
	for _, target := range []string{"/after 1", "/after 2", "/after 3"} {
		purge()
		r.outcome(t, get(target), fill)
		r.clock.advance(9 * time.Second)
	}
	purge()
	for target, want := range map[string]string{
		"/before":  "fwd=stale; ttl=-27",
		"/after 1": "fwd=stale; ttl=-18",
		"/after 2": "hit; ttl=-9",
		"/after 3": "hit; ttl=0",
	} {
		if got := r.outcome(t, get(target), broken); got != want {
			t.Errorf("%s: %q, want %q", target, got, want)
		}
	}
	r.clock.advance(3 * time.Second)
	purge()
	if body, o, err := r.ask(t.Context(), get("/before"), broken); err == nil {
		t.Errorf("after stale-if-error: %q, %v", body, o)
	}
}
