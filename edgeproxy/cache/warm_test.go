package cache

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/ringcast/ringcast/edgeproxy/cache/disk"
	"github.com/ringcast/ringcast/internal/wire"
)

func nobody(context.Context, Question) (*Response, error) {
	return nil, fmt.Errorf("the origin is asked")
}

// pages are responses that differ in all that is stored.
func pages() map[*Request]func() *Response {
	pages := map[*Request]func() *Response{}
	for i := range 40 {
		request := get(fmt.Sprintf("/%d?q", i), "Accept: type/"+fmt.Sprint(i%2))
		pages[request] = func() *Response {
			return respond(200, strings.Repeat(fmt.Sprint(i), 500+i), "Cache-Control: max-age=60, stale-if-error=5", "Vary: Accept",
				fmt.Sprintf(`Etag: "%d"`, i), "Cache-Tag: all, tag-"+fmt.Sprint(i), "X: 1", "X: 2", "Set-Cookie: no", "Cache-Control: public")
		}
	}
	pages[get("/204")] = func() *Response { return respond(204, "", "Cache-Control: max-age=60") }
	pages[get("/404")] = func() *Response { return respond(404, "no", "Cache-Control: max-age=60") }
	return pages
}

// TestWhatComesBackFromDiskIsWhatWasStored, out of a memory that holds next to
// nothing, and after a restart.
func TestWhatComesBackFromDiskIsWhatWasStored(t *testing.T) {
	t.Parallel()
	r := newDiskRig(t, Config{MaxBytes: 1 << 20, MaxEntries: 3, MaxObject: 1 << 16})
	stored := map[string]*Entry{}
	for request, page := range pages() {
		if o := r.outcome(t, request, always(page)); !strings.HasSuffix(o, "; stored") {
			t.Fatal(o)
		}
		if d := r.Begin(request); d.Action == Serve {
			stored[request.Key()] = d.Entry
		}
	}
	r.store.resources.CleanUp()
	if n := r.Stats().URLs; n > 3 {
		t.Errorf("%d URLs in memory", n)
	}
	for _, when := range []string{"in memory", "in the queue", "in the file", "after a restart"} {
		switch when {
		case "in the queue":
			r.forgetMemory()
		case "in the file":
			r.flush()
			r.forgetMemory()
		case "after a restart":
			r.restart()
		}
		for request := range pages() {
			d := r.Begin(request)
			if d.Action != Serve || d.Outcome.TTL != 60 {
				t.Fatalf("%s: %s is %v", when, request.Target, d.Outcome)
			}
			was := stored[request.Key()]
			if diff := cmp.Diff(was, d.Entry, entryOptions); diff != "" {
				t.Errorf("%s: %s: %s", when, request.Target, diff)
			}
			if diff := cmp.Diff(was.ContentLength(), d.Entry.ContentLength()); diff != "" || string(was.Body()) != string(d.Entry.Body()) {
				t.Errorf("%s: %s: %q, %s", when, request.Target, d.Entry.Body(), diff)
			}
		}
	}
	if d := r.Begin(get("/0?q", "Accept: other")); d.Outcome.Reason != VaryMiss {
		t.Errorf("another variant: %v", d.Outcome)
	}
	r.invalidate(t, &wire.CacheInvalidated{Tags: []string{"tag-7"}, Keys: []string{"/8", "/204"}})
	for request := range pages() {
		purged := request.Target == "/7?q" || request.Target == "/8?q" || request.Target == "/204"
		if hit := r.Begin(request).Action == Serve; hit == purged {
			t.Errorf("%s: purged is %v, served is %v", request.Target, purged, hit)
		}
	}
}

func TestTheOriginConfirmsWhatIsOnDisk(t *testing.T) {
	t.Parallel()
	r := newDiskRig(t, Config{})
	r.tell(get("/"), always(func() *Response {
		return respond(200, "body", "Cache-Control: max-age=10", `Etag: "1"`, "Last-Modified: Thu, 14 Jan 2027 08:00:00 GMT", "Cache-Tag: a")
	}))
	r.restart()
	r.clock.advance(15 * time.Second)
	var asked Question
	r.want(get("/"), func(_ context.Context, q Question) (*Response, error) {
		asked = q
		return respond(304, "", "Cache-Control: max-age=20", `Etag: "1"`), nil
	}, "body fwd=stale; fwd-status=304; stored")
	if want := (Conditions{`"1"`, "Thu, 14 Jan 2027 08:00:00 GMT"}); asked.Conditions != want {
		t.Errorf("asked with %+v", asked)
	}
	r.restart()
	r.want(get("/"), nobody, "body hit; ttl=20")
	r.invalidate(t, &wire.CacheInvalidated{Tags: []string{"a"}})
	r.want(get("/"), nobody, "the origin is asked")
}

// TestRestartIsFenced: an invalidation counts whenever it comes.
func TestRestartIsFenced(t *testing.T) {
	t.Parallel()
	purge := &wire.CacheInvalidated{Tags: []string{"a"}}
	for _, when := range []string{"never", "before", "during", "after"} {
		t.Run(when, func(t *testing.T) {
			t.Parallel()
			r := newDiskRig(t, Config{})
			r.invalidate(t, &wire.CacheInvalidated{Tags: []string{"unrelated"}})
			r.tell(get("/"), always(func() *Response { return respond(200, "body", fresh, "Cache-Tag: a") }))
			if when == "before" {
				r.invalidate(t, purge)
			}
			r.end()
			fences := r.load()
			if when == "during" {
				apply(t, r.file, fences, purge)
			}
			r.begin(fences)
			if when == "after" {
				r.invalidate(t, purge)
			}
			want := "the origin is asked"
			if when == "never" {
				want = "body hit; ttl=60"
			}
			r.want(get("/"), nobody, want)
		})
	}
}

// TestGenerationIsRaised: the cache file may have outlived the last commits of the
// state file. A fence to come must cover what was fetched in them.
func TestGenerationIsRaised(t *testing.T) {
	t.Parallel()
	r := newDiskRig(t, Config{})
	for range 5 {
		r.invalidate(t, &wire.CacheInvalidated{Tags: []string{"unrelated"}})
	}
	r.tell(get("/"), always(func() *Response { return respond(200, "body", fresh, "Cache-Tag: a") }))
	r.end()
	for _, lost := range []string{"DELETE FROM fences", "UPDATE generation SET value = 2"} {
		if _, err := r.file.db.Write.Exec(lost); err != nil {
			t.Fatal(err)
		}
	}
	r.begin(r.load())
	if n := r.fences.Generation(); n != 5 {
		t.Errorf("generation is %d, want 5", n)
	}
	r.want(get("/"), nobody, "body hit; ttl=60")
	r.invalidate(t, &wire.CacheInvalidated{Tags: []string{"a"}})
	r.restart()
	r.want(get("/"), nobody, "the origin is asked")
	if n := r.load().Generation(); n != 6 {
		t.Errorf("in the state file it is %d", n)
	}
}

// TestRefusedPutLeavesNoOlderVersion: what there is no room for is not stored, nor
// is what it replaces.
func TestRefusedPutLeavesNoOlderVersion(t *testing.T) {
	t.Parallel()
	for name, fill := range map[string]func(r *diskRig){
		"too large": func(*diskRig) {},
		"queue full": func(r *diskRig) {
			r.stop() // nobody takes anything out of it
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newDiskRig(t, Config{}, func(c *disk.Config) { c.MaxBytes = 4000 })
			page := func(body string) FetchFunc {
				return always(func() *Response { return respond(200, body, fresh) })
			}
			r.tell(get("/"), page("old"))
			r.flush()
			fill(r)
			large := strings.Repeat("x", 4000)
			r.clock.advance(time.Second)
			r.want(get("/", "Cache-Control: no-cache"), page(large), large+" fwd=request; fwd-status=200; stored")
			r.want(get("/"), nobody, large+" hit; ttl=60")
			r.forgetMemory()
			r.want(get("/"), nobody, "the origin is asked")
			if name == "too large" { // else the file is closed for writing
				r.restart()
				r.want(get("/"), nobody, "the origin is asked")
			}
		})
	}
}

// TestSoftPurgeOutlivesARestart: its grace counts from the fence.
func TestSoftPurgeOutlivesARestart(t *testing.T) {
	t.Parallel()
	r := newDiskRig(t, Config{})
	r.tell(get("/"), always(func() *Response {
		return respond(200, "body", "Cache-Control: max-age=600, stale-while-revalidate=30, stale-if-error=50", "Cache-Tag: a")
	}))
	r.clock.advance(5 * time.Second)
	r.invalidate(t, &wire.CacheInvalidated{Tags: []string{"a"}, Soft: true})
	for range 2 {
		r.clock.advance(10 * time.Second)
		r.restart()
	}
	r.want(get("/"), nobody, "body hit; ttl=-20")
	r.clock.advance(10 * time.Second)
	r.want(get("/"), nobody, "body fwd=stale; ttl=-30")
	r.clock.advance(20 * time.Second)
	r.want(get("/"), nobody, "the origin is asked")
}

// TestAnotherStateFile knows nothing of the fences of what is stored.
func TestAnotherStateFile(t *testing.T) {
	t.Parallel()
	r := newDiskRig(t, Config{})
	r.tell(get("/"), always(func() *Response { return respond(200, "body", fresh) }))
	r.end()
	r.disk.Instance = "two"
	r.begin(r.load())
	r.want(get("/"), nobody, "the origin is asked")
}
