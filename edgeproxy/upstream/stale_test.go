package upstream_test

import (
	"fmt"
	"net/http"
	"sync/atomic"
	"testing"
	"time"

	"github.com/ringcast/ringcast/edgeproxy/cache"
	"github.com/ringcast/ringcast/edgeproxy/upstream"
)

func TestStaleAnswers(t *testing.T) {
	t.Parallel()
	var now atomic.Int64 // seconds
	var version atomic.Int64
	var broken atomic.Bool
	outcomes := make(chan cache.Outcome, 100)
	e := newEdge(t, newOrigin(t, func(w http.ResponseWriter, r *http.Request) {
		if r.Method != "GET" {
			t.Errorf("the origin was asked by %s", r.Method)
		}
		if broken.Load() {
			w.WriteHeader(http.StatusServiceUnavailable)
			return
		}
		w.Header()["Date"] = nil // the clock is not the origin's
		w.Header().Set("Cache-Control", "max-age=10, stale-while-revalidate=10, stale-if-error=30")
		_, _ = fmt.Fprint(w, version.Add(1))
	}), upstream.Config{Observe: func(o cache.Outcome) { outcomes <- o }},
		func() time.Time { return time.Unix(1_800_000_000+now.Load(), 0) })
	check := func(method, body, outcome string) {
		t.Helper()
		a := e.do(t.Context(), method, "/")
		if a.err != nil || a.body != body || a.cache != outcome {
			t.Errorf("at %d: %q, %q, %v, want %q, %q", now.Load(), a.body, a.cache, a.err, body, outcome)
		}
		<-outcomes
	}
	check("GET", "1", "fwd=uri-miss; fwd-status=200; stored")
	now.Store(15)
	check("HEAD", "", "hit; ttl=-5") // and refreshes
	if o := <-outcomes; o.Reason != cache.Stale || !o.Stored {
		t.Errorf("the refresh: %v", o)
	}
	for a := e.get(t, "/"); a.cache != "hit; ttl=10"; a = e.get(t, "/") { // until it is stored
		<-outcomes
	}
	<-outcomes
	check("GET", "2", "hit; ttl=10")
	broken.Store(true)
	now.Store(15 + 10 + 20)
	check("GET", "2", "fwd=stale; fwd-status=503; ttl=-20")
	now.Store(15 + 10 + 30)
	check("GET", "", "fwd=stale; fwd-status=503")
}

// TestRefreshHasNoConditions: a 304 would refresh nothing. Neither of the two
// remains, whether the refresh may be shared or is its own.
func TestRefreshHasNoConditions(t *testing.T) {
	t.Parallel()
	for _, condition := range []string{`If-None-Match: "1"`, "If-Modified-Since: Fri, 15 Jan 2027 08:00:00 GMT"} {
		for _, shared := range []bool{true, false} {
			t.Run(fmt.Sprintf("%.16s shared %v", condition, shared), func(t *testing.T) {
				t.Parallel()
				refreshUnconditionally(t, condition, shared)
			})
		}
	}
}

func refreshUnconditionally(t *testing.T, condition string, shared bool) {
	var now atomic.Int64 // seconds
	asked, outcomes := make(chan http.Header, 10), make(chan cache.Outcome, 10)
	e := newEdge(t, newOrigin(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header()["Date"] = nil // the clock is not the origin's
		if r.Header.Get("Cookie") != "" {
			w.Header().Set("Cache-Control", "no-store") // others do not share
			return
		}
		asked <- r.Header
		if r.Header.Get("If-None-Match") != "" || r.Header.Get("If-Modified-Since") != "" {
			w.WriteHeader(http.StatusNotModified)
			return
		}
		w.Header().Set("Cache-Control", "max-age=10, stale-while-revalidate=10")
	}), upstream.Config{Observe: func(o cache.Outcome) { outcomes <- o }}, func() time.Time { return time.Unix(1_800_000_000+now.Load(), 0) })
	e.get(t, "/")
	<-asked
	now.Store(15)
	if !shared {
		e.get(t, "/", "Cookie: s=1", "Cache-Control: no-cache")
	}
	if a := e.get(t, "/", condition, "X-Other: 1"); a.cache != "hit; ttl=-5" {
		t.Errorf("got %q", a.cache)
	}
	if h := <-asked; h.Get("If-None-Match") != "" || h.Get("If-Modified-Since") != "" || h.Get("X-Other") != "1" {
		t.Errorf("refreshed with %v", h)
	}
	for o := range outcomes {
		if o.Reason == cache.Stale {
			if o.Status != http.StatusOK || !o.Stored {
				t.Errorf("the refresh: %v", o)
			}
			return
		}
	}
}
