package upstream_test

import (
	"context"
	"database/sql"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

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
