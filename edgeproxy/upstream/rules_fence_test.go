package upstream_test

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/ringcast/ringcast/edgeproxy/cache"
	"github.com/ringcast/ringcast/edgeproxy/upstream"
	"github.com/ringcast/ringcast/internal/wire"
)

// gate is an edge whose origin answers when the test says so.
type gate struct {
	*edge
	t         *testing.T
	now       atomic.Int64 // Unix seconds
	questions chan question
	refreshed chan cache.Outcome
}

// question is one request at the origin.
type question struct {
	condition string // If-None-Match
	reply     chan func(http.ResponseWriter)
}

func newGate(t *testing.T) *gate {
	t.Helper()
	g := &gate{t: t, questions: make(chan question), refreshed: make(chan cache.Outcome, 9)}
	g.now.Store(stageStart)
	g.edge = newEdge(t, newOrigin(t, func(w http.ResponseWriter, r *http.Request) {
		q := question{r.Header.Get("If-None-Match"), make(chan func(http.ResponseWriter), 1)}
		select {
		case g.questions <- q:
		case <-r.Context().Done():
			return
		}
		select {
		case reply := <-q.reply:
			reply(w)
		case <-r.Context().Done():
		}
	}), upstream.Config{Observe: func(o cache.Outcome) {
		if o.Reason == cache.Stale {
			g.refreshed <- o
		}
	}}, func() time.Time { return time.Unix(g.now.Load(), 0) })
	return g
}

// start is a client that waits for its answer.
func (g *gate) start(fields ...string) <-chan answer {
	answered := make(chan answer, 1)
	go func() { answered <- g.do(g.t.Context(), "GET", "/", fields...) }()
	return answered
}

// asked gives the next request at the origin, which must have the condition.
func (g *gate) asked(condition string) question {
	g.t.Helper()
	q := within(g.t, g.questions)
	if q.condition != condition {
		g.t.Errorf("the origin is asked with If-None-Match %q, want %q", q.condition, condition)
	}
	return q
}

func (q question) answer(status int, version string) {
	q.reply <- func(w http.ResponseWriter) {
		h := w.Header()
		h["Date"] = nil
		if status >= 500 {
			w.WriteHeader(status)
			return
		}
		h.Set("Cache-Control", "max-age=10, stale-while-revalidate=10, stale-if-error=20")
		h.Set("ETag", `"`+version+`"`)
		h.Set("Surrogate-Key", "page")
		w.WriteHeader(status)
		if status == http.StatusOK {
			_, _ = fmt.Fprint(w, version)
		}
	}
}

func (g *gate) answerAll(ctx context.Context, status int, version string) {
	for {
		select {
		case q := <-g.questions:
			q.answer(status, version)
		case <-ctx.Done():
			return
		}
	}
}

func (g *gate) want(answered <-chan answer, body, cache string) {
	g.t.Helper()
	if a := within(g.t, answered); a.err != nil || a.body != body || a.cache != cache {
		g.t.Errorf("got %q, %q, %v, want %q, %q", a.body, a.cache, a.err, body, cache)
	}
}

// stale has version 1 stored, and lets it become stale for so long.
func (g *gate) stale(seconds int64) {
	g.t.Helper()
	first := g.start()
	g.asked("").answer(200, "1")
	g.want(first, "1", miss)
	g.now.Add(10 + seconds)
}

func (g *gate) purge(soft bool) {
	g.t.Helper()
	g.invalidate(g.t, &wire.CacheInvalidated{Tags: []string{"page"}, Soft: soft})
}

func TestPurgeDuringARevalidation(t *testing.T) {
	t.Parallel()
	for _, before := range []bool{true, false} {
		t.Run(fmt.Sprintf("asked before the 304 is %v", before), func(t *testing.T) {
			t.Parallel()
			g := newGate(t)
			g.stale(15) // no longer usable
			first := g.start()
			revalidation := g.asked(`"1"`)
			g.purge(false)
			if before {
				second := g.start()
				g.asked("").answer(200, "2")
				g.want(second, "2", miss)
			}
			revalidation.answer(304, "1")
			g.want(first, "1", "fwd=stale; fwd-status=304") // it had asked before
			if !before {
				second := g.start()
				g.asked("").answer(200, "2")
				g.want(second, "2", miss)
			}
			g.want(g.start(), "2", "hit; ttl=10")
		})
	}
}

func TestPurgeDuringARefresh(t *testing.T) {
	t.Parallel()
	for _, status := range []int{304, 200} {
		t.Run(fmt.Sprint(status), func(t *testing.T) {
			t.Parallel()
			g := newGate(t)
			g.stale(5)
			g.want(g.start(), "1", "hit; ttl=-5")
			refresh := g.asked(`"1"`)
			g.want(g.start(), "1", "hit; ttl=-5") // one refresh is enough
			g.purge(false)
			second := g.start()
			question := g.asked("")
			refresh.answer(status, "1")
			within(g.t, g.refreshed)
			question.answer(200, "2")
			g.want(second, "2", miss)
			g.want(g.start(), "2", "hit; ttl=10")
		})
	}
}

// TestSoftPurgeDuringARevalidation: what is confirmed by a fetch from before is
// stale as of the purge.
func TestSoftPurgeDuringARevalidation(t *testing.T) {
	t.Parallel()
	g := newGate(t)
	g.stale(15)
	first := g.start()
	revalidation := g.asked(`"1"`)
	g.purge(true)
	g.now.Add(2)
	revalidation.answer(304, "1")
	g.want(first, "1", confirmed)
	within(g.t, g.refreshed)
	g.now.Add(7)
	g.want(g.start(), "1", "hit; ttl=-9")
	g.asked(`"1"`).answer(503, "")
	within(g.t, g.refreshed)
	g.now.Add(1) // the end of stale-while-revalidate, by the purge
	second := g.start()
	g.asked(`"1"`).answer(503, "")
	g.want(second, "1", "fwd=stale; fwd-status=503; ttl=-10")
	g.now.Add(10) // and of stale-if-error
	third := g.start()
	g.asked(`"1"`).answer(503, "")
	g.want(third, "", "fwd=stale; fwd-status=503")
	fourth := g.start()
	g.asked(`"1"`).answer(304, "1")
	g.want(fourth, "1", confirmed)
	g.want(g.start(), "1", "hit; ttl=10")
}

// TestWaitersOfARevalidation are answered by their own conditions, whether they wait,
// come when it is over, or in between and so ask themselves.
func TestWaitersOfARevalidation(t *testing.T) {
	t.Parallel()
	for _, status := range []int{304, 200} {
		version := map[int]string{304: "1", 200: "2"}[status]
		t.Run(fmt.Sprint(status), func(t *testing.T) {
			t.Parallel()
			g := newGate(t)
			g.stale(15)
			first := g.start()
			q := g.asked(`"1"`)
			whole, has, other := g.start(), g.start(`If-None-Match: "`+version+`"`), g.start(`If-None-Match: "0"`)
			q.answer(status, version)
			var late sync.WaitGroup
			t.Cleanup(late.Wait)
			late.Go(func() { g.answerAll(t.Context(), status, version) })
			for name, answered := range map[string]<-chan answer{"first": first, "whole": whole, "another version": other} {
				if a := within(t, answered); a.StatusCode != 200 || a.body != version || a.err != nil {
					t.Errorf("%s: %d %q, %q, %v", name, a.StatusCode, a.body, a.cache, a.err)
				}
			}
			if a := within(t, has); a.StatusCode != 304 || a.body != "" || a.Header.Get("ETag") != `"`+version+`"` {
				t.Errorf("who has it: %d %q, %q, %v", a.StatusCode, a.body, a.cache, a.err)
			}
		})
	}
}

// TestReloadDuringARevalidation: who reloads wants nothing that was asked before.
func TestReloadDuringARevalidation(t *testing.T) {
	t.Parallel()
	g := newGate(t)
	g.stale(15)
	first := g.start()
	before := g.asked(`"1"`)
	g.now.Add(1)
	reload := g.start("Cache-Control: no-cache")
	after := g.asked(`"1"`)
	after.answer(200, "2")
	g.want(reload, "2", "fwd=request; fwd-status=200; stored")
	before.answer(304, "1")
	if a := within(t, first); a.body != "1" || !strings.HasPrefix(a.cache, "fwd=stale; fwd-status=304") {
		t.Errorf("the first: %q, %q, %v", a.body, a.cache, a.err)
	}
	g.want(g.start(), "2", "hit; ttl=10") // what was asked later counts
}
