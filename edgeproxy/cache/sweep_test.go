package cache

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/ringcast/ringcast/internal/wire"
)

func (r *diskRig) sweepAll(t *testing.T) {
	t.Helper()
	if err := r.sweep(t.Context()); err != nil {
		t.Fatal(err)
	}
}

// rows counts the fences in the state file.
func (r *diskRig) rows(t *testing.T) (n int) {
	t.Helper()
	if err := r.file.db.Read.QueryRow("SELECT count(*) FROM fences").Scan(&n); err != nil {
		t.Fatal(err)
	}
	return n
}

func taggedPage(body string, tags string, more ...string) FetchFunc {
	return always(func() *Response {
		return respond(200, body, append(more, "Cache-Control: max-age=36000", "Cache-Tag: "+tags)...)
	})
}

// TestDistinctTagsAreBounded: invalidations of ever new tags, keys and prefixes
// cost nobody else's entries as long as the sweeper comes by.
func TestDistinctTagsAreBounded(t *testing.T) {
	t.Parallel()
	r := newDiskRig(t, Config{})
	r.fences.max = 1000
	r.tell(get("/stays"), taggedPage("stays", "kept"))
	for round := range 40 {
		r.tell(get("/goes"), taggedPage("goes", fmt.Sprintf("tag-%d-1", round)))
		for part := range 5 {
			e := &wire.CacheInvalidated{Keys: []string{fmt.Sprintf("/p%d-%d*", round, part), fmt.Sprintf("http://h/%*d*", 5*round+part+1, 0)}}
			for n := range 98 {
				e.Tags = append(e.Tags, fmt.Sprintf("tag-%d-%d", round, part*98+n))
			}
			r.invalidate(t, e)
		}
		if n := r.fences.Len(); n > 500 {
			t.Fatalf("%d fences", n)
		}
		r.sweepAll(t)
		if n, m, k := r.fences.pending(), r.fences.table.lengths(), r.rows(t); n+m+k != 0 {
			t.Fatalf("%d fences of %d lengths remain, %d in the file", n, m, k)
		}
		r.want(get("/goes"), nobody, "the origin is asked")
	}
	for range 2 {
		r.want(get("/stays"), nobody, "stays hit; ttl=36000")
		r.restart()
	}
	if n := r.store.disk.Stats().Entries; n != 1 {
		t.Errorf("%d entries on disk, want 1", n)
	}
}

// TestSweepFreesWhatIsPurged and nothing else, in memory and on disk.
func TestSweepFreesWhatIsPurged(t *testing.T) {
	t.Parallel()
	r := newDiskRig(t, Config{MaxBytes: 1 << 20, MaxEntries: 4, MaxObject: 1 << 16})
	const n = 3*sweepBatch + 7
	for i := range n {
		r.tell(get(fmt.Sprint("/", i)), taggedPage(fmt.Sprint(i), fmt.Sprint("mod-", i%3)))
	}
	r.invalidate(t, &wire.CacheInvalidated{Tags: []string{"mod-1"}})
	r.invalidate(t, &wire.CacheInvalidated{Tags: []string{"mod-2*"}, Keys: []string{"/3"}})
	before := r.fences.Generation()
	r.sweepAll(t)
	if r.fences.pending() != 0 || r.fences.Generation() != before {
		t.Errorf("%d fences at generation %d, was %d", r.fences.pending(), r.fences.Generation(), before)
	}
	for range 2 {
		for i := range n {
			want := fmt.Sprintf("%d hit; ttl=36000", i)
			if i%3 != 0 || i == 3 {
				want = "the origin is asked"
			}
			r.want(get(fmt.Sprint("/", i)), nobody, want)
		}
		r.restart()
	}
}

// TestSweepKeepsOtherVariants: one of them may have been fetched anew.
func TestSweepKeepsOtherVariants(t *testing.T) {
	t.Parallel()
	r := newDiskRig(t, Config{})
	for _, language := range []string{"de", "en", "fr"} {
		r.tell(get("/", "Accept-Language: "+language), taggedPage(language, "a", "Vary: Accept-Language"))
	}
	r.invalidate(t, &wire.CacheInvalidated{Tags: []string{"a"}})
	r.tell(get("/", "Accept-Language: en"), taggedPage("new", "a", "Vary: Accept-Language"))
	r.sweepAll(t)
	for range 2 {
		r.want(get("/", "Accept-Language: en"), nobody, "new hit; ttl=36000")
		r.want(get("/", "Accept-Language: de"), nobody, "the origin is asked")
		r.restart()
	}
}

// TestRunningFetchKeepsItsFence, which else could store what is purged.
func TestRunningFetchKeepsItsFence(t *testing.T) {
	t.Parallel()
	r := newDiskRig(t, Config{})
	held := newHeldFetch()
	done := make(chan string)
	go func() { done <- r.tell(get("/"), held.fetch) }()
	<-held.asked
	r.invalidate(t, &wire.CacheInvalidated{Tags: []string{"a"}})
	r.sweepAll(t)
	if r.fences.pending() != 1 {
		t.Error("the fence is gone")
	}
	held.answer <- respond(200, "old", fresh, "Cache-Tag: a")
	if got := <-done; got != "old fwd=uri-miss; fwd-status=200" {
		t.Error(got)
	}
	r.Close() // waits for the fetch
	r.sweepAll(t)
	if r.fences.pending() != 0 || r.Begin(get("/")).Action == Serve {
		t.Errorf("%d fences; stored: %v", r.fences.pending(), r.Begin(get("/")).Outcome)
	}
}

// TestFencesThatLast: a soft one for what it lets be used, one that settles for
// what may not be stored yet.
func TestFencesThatLast(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		event *wire.CacheInvalidated
		lasts time.Duration
	}{
		"hard":     {&wire.CacheInvalidated{Tags: []string{"a"}}, 0},
		"all":      {&wire.CacheInvalidated{All: true}, 0},
		"soft":     {&wire.CacheInvalidated{Tags: []string{"a"}, Soft: true}, softKept},
		"settling": {&wire.CacheInvalidated{Tags: []string{"a"}, Settle: "90s"}, 90 * time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newDiskRig(t, Config{})
			r.tell(get("/"), taggedPage("body", "a", "Cache-Control: stale-while-revalidate=99999"))
			r.invalidate(t, tt.event)
			if tt.lasts > 0 {
				r.clock.advance(tt.lasts - time.Millisecond)
				r.sweepAll(t)
				if r.fences.pending() != 1 {
					t.Error("it is gone too soon")
				}
				if hit := r.Begin(get("/")).Action == Serve; hit != tt.event.Soft {
					t.Errorf("served is %v", hit)
				}
				r.clock.advance(time.Millisecond)
			}
			r.sweepAll(t)
			if r.fences.pending() != 0 || r.Begin(get("/")).Action == Serve {
				t.Errorf("%d fences remain, %v", r.fences.pending(), r.Begin(get("/")).Outcome)
			}
		})
	}
}

func TestRenewedFenceStays(t *testing.T) {
	t.Parallel()
	r := newDiskRig(t, Config{})
	for _, again := range []*wire.CacheInvalidated{
		{Tags: []string{"a"}}, {Tags: []string{"a"}, Soft: true}, {Tags: []string{"a"}, Settle: "1s"},
	} {
		r.invalidate(t, &wire.CacheInvalidated{Tags: []string{"a", "b"}})
		r.clock.advance(time.Minute)
		passed := r.fences.passed(r.horizon())
		r.tell(get("/"), taggedPage("body", "a"))
		r.invalidate(t, again)
		if err := r.fences.drop(t.Context(), r.file, passed); err != nil {
			t.Fatal(err)
		}
		for name, f := range map[string]*Fences{"running": r.fences, "loaded": r.load()} {
			if f.Len() != 1 || f.get(tagSelector("b")).hard != 0 {
				t.Errorf("%+v: %s: %d fences", again, name, f.Len())
			}
		}
		if r.Begin(get("/")).Action == Serve {
			t.Errorf("%+v: what it purged is served", again)
		}
		r.clock.advance(2 * softKept)
		r.sweepAll(t)
	}
}

// TestFailedSweepKeepsTheFences: what could not be removed may come back.
func TestFailedSweepKeepsTheFences(t *testing.T) {
	t.Parallel()
	r := newDiskRig(t, Config{})
	r.tell(get("/"), taggedPage("body", "a"))
	r.flush()
	r.invalidate(t, &wire.CacheInvalidated{Tags: []string{"a"}})
	r.file.fail = errors.New("disk full")
	if err := r.sweep(t.Context()); err == nil || r.fences.Len() != 1 || r.load().Len() != 1 {
		t.Errorf("a state file that cannot be written: %d fences, %v", r.fences.Len(), err)
	}
	r.file.fail = nil
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	r.tell(get("/"), taggedPage("body", "a"))
	r.invalidate(t, &wire.CacheInvalidated{Tags: []string{"a"}})
	r.stop()
	if err := r.sweep(ctx); err == nil || r.fences.Len() != 1 {
		t.Errorf("a cache file that cannot be written: %d fences, %v", r.fences.Len(), err)
	}
	r.restart()
	r.want(get("/"), nobody, "the origin is asked")
}
