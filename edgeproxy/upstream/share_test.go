package upstream_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
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

// TestFenceRace holds an answer of the origin back while an invalidation passes.
func TestFenceRace(t *testing.T) {
	t.Parallel()
	tx := func(e *edge, do func(context.Context, *sql.Tx) (func(), error)) error {
		return e.state.Update(context.Background(), func(tx *sql.Tx) (func(), error) {
			return do(context.Background(), tx)
		})
	}
	for name, invalidate := range map[string]func(*testing.T, *edge){
		"tag":        func(t *testing.T, e *edge) { e.invalidate(t, &wire.CacheInvalidated{Tags: []string{"post:1"}}) },
		"tag prefix": func(t *testing.T, e *edge) { e.invalidate(t, &wire.CacheInvalidated{Tags: []string{"post:*"}}) },
		"key":        func(t *testing.T, e *edge) { e.invalidate(t, &wire.CacheInvalidated{Keys: []string{"/page"}}) },
		"url":        func(t *testing.T, e *edge) { e.invalidate(t, &wire.CacheInvalidated{Keys: []string{e.url + "/page"}}) },
		"all":        func(t *testing.T, e *edge) { e.invalidate(t, &wire.CacheInvalidated{All: true}) },
		"soft":       func(t *testing.T, e *edge) { e.invalidate(t, &wire.CacheInvalidated{All: true, Soft: true}) },
		"gap": func(t *testing.T, e *edge) {
			if err := tx(e, e.fences.Gap); err != nil {
				t.Error(err)
			}
		},
		"reset": func(t *testing.T, e *edge) {
			if err := tx(e, e.fences.Switch); err != nil {
				t.Error(err)
			}
		},
		"local": func(t *testing.T, e *edge) {
			if a := e.do(t.Context(), "POST", "/page"); a.err != nil || a.StatusCode != 204 {
				t.Error(a.StatusCode, a.err)
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			fenceRace(t, invalidate)
		})
	}
}

func fenceRace(t *testing.T, invalidate func(*testing.T, *edge)) {
	var version, asked atomic.Int64
	arrived, release := make(chan struct{}), make(chan struct{})
	e := newEdge(t, newOrigin(t, func(w http.ResponseWriter, r *http.Request) {
		if r.Method == "POST" {
			version.Store(1)
			w.WriteHeader(http.StatusNoContent)
			return
		}
		body := fmt.Sprint(version.Load())
		if asked.Add(1) == 1 {
			close(arrived)
			<-release
		}
		w.Header().Set("Cache-Control", "max-age=60")
		w.Header().Set("X-Cache-Tags", "post:1")
		_, _ = io.WriteString(w, body)
	}), upstream.Config{}, nil)

	var clients sync.WaitGroup
	ask := func(check func(body string)) {
		clients.Go(func() {
			a := e.do(t.Context(), "GET", "/page")
			if a.err != nil {
				t.Error(a.err)
			}
			check(a.body)
		})
	}
	ask(func(body string) {
		if body != "0" {
			t.Errorf("who asked before got %q", body)
		}
	})
	<-arrived
	version.Store(1)
	invalidate(t, e)
	for range 10 {
		ask(func(body string) {
			if body != "1" {
				t.Errorf("a waiter that asked after the invalidation got %q", body)
			}
		})
	}
	// Some of the ten may ask only after this: both orders must be right.
	close(release)
	clients.Wait()
	for range 3 {
		if a := e.get(t, "/page"); a.body != "1" || !strings.HasPrefix(a.cache, "hit") {
			t.Errorf("later: %q, %q", a.body, a.cache)
		}
	}
}

// TestNobodySeesAVersionFromBeforeAnInvalidation has clients ask while versions
// change. A client that starts after version N was invalidated in favour of N+1
// must not see N, whether it hits, waits or fetches.
func TestNobodySeesAVersionFromBeforeAnInvalidation(t *testing.T) {
	t.Parallel()
	const pages, clients, rounds = 4, 64, 120
	var origin, settled [pages]atomic.Int64 // what the origin has; what the edge must have
	page := func(r *http.Request) (n int) { _, _ = fmt.Sscanf(r.URL.Path, "/%d", &n); return n }
	e := newEdge(t, newOrigin(t, func(w http.ResponseWriter, r *http.Request) {
		n := page(r)
		if r.Method == "PUT" {
			origin[n].Add(1)
			return
		}
		body := fmt.Sprint(origin[n].Load())
		<-time.After(time.Duration(rand.IntN(3)) * time.Millisecond) // an origin takes its time
		w.Header().Set("Cache-Control", "max-age=60, stale-while-revalidate=60")
		w.Header().Set("Surrogate-Key", fmt.Sprintf("all page:%d", n))
		_, _ = io.WriteString(w, body)
	}), upstream.Config{}, nil)

	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var running sync.WaitGroup
	var hits atomic.Int64
	hit := make(chan struct{})
	for range clients {
		running.Go(func() {
			for ctx.Err() == nil {
				n := rand.IntN(pages)
				least := settled[n].Load()
				a := e.do(ctx, "GET", fmt.Sprintf("/%d", n))
				if ctx.Err() != nil {
					return
				}
				var got int64
				if _, err := fmt.Sscan(a.body, &got); err != nil || a.err != nil || got < least {
					t.Errorf("page %d: version %q after %d was invalidated, %q, %v", n, a.body, least-1, a.cache, a.err)
					return
				}
				if strings.HasPrefix(a.cache, "hit") {
					hits.Add(1)
					select {
					case hit <- struct{}{}:
					default:
					}
				}
			}
		})
	}
	for i := range rounds {
		n := i % pages
		next := origin[n].Load() + 1
		switch i % 5 {
		case 0: // by the edge itself
			if a := e.do(ctx, "PUT", fmt.Sprintf("/%d", n)); a.err != nil {
				t.Error(a.err)
			}
		case 1:
			origin[n].Store(next)
			e.invalidate(t, &wire.CacheInvalidated{Keys: []string{fmt.Sprintf("/%d", n)}})
		case 2:
			origin[n].Store(next)
			e.invalidate(t, &wire.CacheInvalidated{Tags: []string{fmt.Sprintf("page:%d*", n)}})
		default:
			origin[n].Store(next)
			e.invalidate(t, &wire.CacheInvalidated{Tags: []string{fmt.Sprintf("page:%d", n), "unrelated"}})
		}
		settled[n].Store(next)
		for range 5 { // let some hits happen in between
			select {
			case <-hit:
			case <-time.After(time.Second): // those who found a fault have stopped
			}
		}
	}
	cancel()
	running.Wait()
	if hits.Load() == 0 {
		t.Error("nothing was ever served from the cache")
	}
}

func TestSlowClientStallsNobody(t *testing.T) {
	t.Parallel()
	const size = 12 << 20 // more than sockets hold
	var asked atomic.Int64
	half := make(chan struct{})
	e := newEdge(t, newOrigin(t, func(w http.ResponseWriter, _ *http.Request) {
		asked.Add(1)
		w.Header().Set("Cache-Control", "max-age=60")
		part := strings.Repeat("x", size/2)
		_, _ = io.WriteString(w, part)
		_ = http.NewResponseController(w).Flush()
		<-half
		_, _ = io.WriteString(w, part)
	}), upstream.Config{}, nil)
	slow, err := e.client.Get(e.url) // reads nothing yet
	if err != nil {
		t.Fatal(err)
	}
	defer slow.Body.Close()
	quick, err := e.client.Get(e.url)
	if err != nil {
		t.Fatal(err)
	}
	defer quick.Body.Close()
	n, err := io.CopyN(io.Discard, quick.Body, size/2)
	close(half)
	m, err2 := io.Copy(io.Discard, quick.Body)
	if err = errors.Join(err, err2); err != nil || n+m != size {
		t.Errorf("the quick one read %d and %d bytes, %v", n, m, err)
	}
	if n, err := io.Copy(io.Discard, slow.Body); n != size || err != nil {
		t.Errorf("the slow one read %d bytes, %v", n, err)
	}
	if asked.Load() != 1 {
		t.Errorf("the origin was asked %d times", asked.Load())
	}
}

func TestFirstClientLeaves(t *testing.T) {
	t.Parallel()
	var asked atomic.Int64
	arrived, release := make(chan struct{}), make(chan struct{})
	e := newEdge(t, newOrigin(t, func(w http.ResponseWriter, _ *http.Request) {
		asked.Add(1)
		w.Header().Set("Cache-Control", "max-age=60")
		_ = http.NewResponseController(w).Flush()
		close(arrived)
		<-release
		_, _ = io.WriteString(w, "body")
	}), upstream.Config{}, nil)
	ctx, cancel := context.WithCancel(t.Context())
	first := make(chan error)
	go func() { first <- e.do(ctx, "GET", "/").err }()
	<-arrived
	second, err := e.client.Get(e.url)
	if err != nil {
		t.Fatal(err)
	}
	defer second.Body.Close()
	cancel()
	if err := <-first; !errors.Is(err, context.Canceled) {
		t.Errorf("the first: %v", err)
	}
	close(release)
	if body, err := io.ReadAll(second.Body); string(body) != "body" || err != nil || asked.Load() != 1 {
		t.Errorf("the second: %q, %v, after %d questions", body, err, asked.Load())
	}
}

func TestBrokenTransfersStayBroken(t *testing.T) {
	t.Parallel()
	var asked atomic.Int64
	e := newEdge(t, newOrigin(t, func(w http.ResponseWriter, r *http.Request) {
		asked.Add(1)
		w.Header().Set("Cache-Control", "max-age=60")
		if r.URL.Path == "/length" {
			w.Header().Set("Content-Length", "100")
		}
		_, _ = io.WriteString(w, "part")
		_ = http.NewResponseController(w).Flush()
		panic(http.ErrAbortHandler)
	}), upstream.Config{}, nil)
	for _, target := range []string{"/length", "/chunked"} {
		for range 2 {
			if a := e.do(t.Context(), "GET", target); a.err == nil {
				t.Errorf("%s: a clean end after %q, %q", target, a.body, a.cache)
			}
		}
	}
	if asked.Load() != 4 {
		t.Errorf("the origin was asked %d times, want 4", asked.Load())
	}
}

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

func TestRefreshHasNoConditions(t *testing.T) {
	t.Parallel()
	var now atomic.Int64 // seconds
	conditions := make(chan string, 10)
	e := newEdge(t, newOrigin(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header()["Date"] = nil // the clock is not the origin's
		if r.Header.Get("No-Store") != "" {
			w.Header().Set("Cache-Control", "no-store") // others pass
			return
		}
		w.Header().Set("Cache-Control", "max-age=10, stale-while-revalidate=10")
		conditions <- r.Header.Get("If-None-Match") + r.Header.Get("If-Modified-Since")
	}), upstream.Config{}, func() time.Time { return time.Unix(1_800_000_000+now.Load(), 0) })
	e.get(t, "/")
	<-conditions
	now.Store(15)
	e.get(t, "/", "No-Store: 1", "Cache-Control: no-cache")
	a := e.get(t, "/", `If-None-Match: "1"`, "If-Modified-Since: Fri, 15 Jan 2027 08:00:00 GMT")
	if got := <-conditions; got != "" || a.cache != "hit; ttl=-5" {
		t.Errorf("%q, refreshed with %q", a.cache, got)
	}
}

func BenchmarkHit(b *testing.B) {
	e := newEdge(b, newOrigin(b, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Cache-Control", "max-age=600")
		_, _ = io.WriteString(w, strings.Repeat("x", 1024))
	}), upstream.Config{}, nil)
	b.ReportAllocs()
	for b.Loop() {
		if a := e.get(b, "/"); len(a.body) != 1024 {
			b.Fatal(a.body)
		}
	}
}
