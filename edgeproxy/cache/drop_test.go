package cache

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/ringcast/ringcast/internal/wire"
)

// dropBetween stores a response that is stale by now, and gives a decision about
// it that is older than an invalidation, whose fence is gone already.
func dropBetween(t *testing.T, request *Request, lines ...string) (*diskRig, Decision) {
	t.Helper()
	r := newDiskRig(t, Config{})
	r.tell(get("/"), always(func() *Response { return respond(200, "old", append(lines, "Cache-Tag: a", `Etag: "1"`)...) }))
	r.clock.advance(15 * time.Second)
	d := r.Begin(request)
	r.invalidate(t, &wire.CacheInvalidated{Tags: []string{"a"}})
	r.sweepAll(t)
	if r.fences.pending() != 0 {
		t.Fatal("the fence is still there")
	}
	return r, d
}

// confirming is an origin that confirms what it is asked about.
func confirming(_ context.Context, q Question) (*Response, error) {
	if q.Conditions != (Conditions{}) {
		return respond(304, "", "Cache-Control: max-age=10"), nil
	}
	return respond(200, "new", "Cache-Control: max-age=10"), nil
}

func broken(context.Context, Question) (*Response, error) { return nil, errors.New("no route") }

// TestDecisionBeforeAFenceThatIsGone: what was purged in between is neither
// confirmed, nor does it stand in for an error.
func TestDecisionBeforeAFenceThatIsGone(t *testing.T) {
	t.Parallel()
	r, d := dropBetween(t, get("/"), "Cache-Control: max-age=10, stale-if-error=60")
	if d.stale == nil || d.spare == nil {
		t.Fatalf("%+v", d)
	}
	if a, err := r.Do(t.Context(), get("/"), d, broken); err == nil {
		t.Errorf("instead of an error: %q", a.Entry.Body())
	}
	a, err := r.Do(t.Context(), get("/"), d, confirming)
	if err != nil || a.Whole {
		t.Fatalf("%+v, %v", a, err)
	}
	_ = a.Body.Close()
	r.Close()
	if d := r.Begin(get("/")); d.Action != Serve || string(d.Entry.Body()) != "new" {
		t.Errorf("stored: %+v", d)
	}
}

func TestRefreshBeforeAFenceThatIsGone(t *testing.T) {
	t.Parallel()
	r, d := dropBetween(t, get("/"), "Cache-Control: max-age=10, stale-while-revalidate=60, stale-if-error=60")
	if !d.Refresh {
		t.Fatalf("%+v", d)
	}
	if a, err := r.Do(t.Context(), get("/"), d.ForRefresh(), broken); err == nil {
		t.Errorf("instead of an error: %q", a.Entry.Body())
	}
	a, err := r.Do(t.Context(), get("/"), d.ForRefresh(), confirming)
	if err != nil || a.Whole {
		t.Fatalf("%+v, %v", a, err)
	}
	_ = a.Body.Close()
}

// TestLookUpBeforeAFenceThatIsGone: an entry that was found before it went is
// looked at after.
func TestLookUpBeforeAFenceThatIsGone(t *testing.T) {
	t.Parallel()
	r := newDiskRig(t, Config{})
	r.tell(get("/"), taggedPage("old", "a"))
	e := r.store.get("http://h/").variants[0]
	drops := r.fences.drops.Load()
	r.invalidate(t, &wire.CacheInvalidated{Tags: []string{"a"}})
	r.sweepAll(t)
	if hard, _ := e.covered(r.fences, r.fences.Generation(), drops); !hard {
		t.Error("it counts as good")
	}
}

// TestWaiterBeforeAFenceThatIsGone: it asked after the fence, which went before it
// hears of the answer.
func TestWaiterBeforeAFenceThatIsGone(t *testing.T) {
	t.Parallel()
	r := newDiskRig(t, Config{})
	f := &flight{
		request: get("/"), place: newPlace("http", "h", "/"), began: r.fences.Generation(), beganAt: r.clock.Now(),
		ready: make(chan struct{}), shared: true,
	}
	f.entry = r.admit(f, respond(200, "old", fresh, "Cache-Tag: a"))
	close(f.ready)
	r.invalidate(t, &wire.CacheInvalidated{Tags: []string{"a"}})
	waiter := &seeker{request: get("/"), decision: r.Begin(get("/"))}
	if r.suits(f, waiter) {
		t.Error("it gets what was purged before it asked")
	}
	r.sweepAll(t)
	if r.suits(f, waiter) {
		t.Error("it gets what was purged before it asked, now that the fence is gone")
	}
}

// TestStoredAgainAfterASweep: what comes later is not covered by what went.
func TestStoredAgainAfterASweep(t *testing.T) {
	t.Parallel()
	r, _ := dropBetween(t, get("/"), fresh)
	r.tell(get("/"), taggedPage("new", "a"))
	r.want(get("/"), nobody, "new hit; ttl=36000")
	r.restart()
	r.want(get("/"), nobody, "new hit; ttl=36000")
	r.invalidate(t, &wire.CacheInvalidated{Tags: []string{"a"}})
	r.want(get("/"), nobody, "the origin is asked")
}
