package upstream_test

import (
	"context"
	"fmt"
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

// TestConfirmationsAreFenced has clients ask for what is fresh for a moment, then
// refreshed in the background, then confirmed, then only good for errors, while
// versions change. Nobody gets a version that was purged before it asked.
func TestConfirmationsAreFenced(t *testing.T) {
	t.Parallel()
	const pages, clients, rounds = 3, 24, 40
	r := &renewals{t: t, hits: make(chan struct{})}
	began := time.Now()
	// A second of the edge's is 10 ms.
	e := newEdge(t, newOrigin(t, r.origin), upstream.Config{}, func() time.Time {
		return time.Unix(stageStart, 0).Add(100 * time.Since(began))
	})
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var running sync.WaitGroup
	for range clients {
		running.Go(func() {
			for ctx.Err() == nil && r.client(ctx, e, rand.IntN(pages)) {
				continue
			}
		})
	}
	seen := func() bool { return r.confirmed.Load() > 0 && r.stale.Load() > 0 }
	for i := 0; i < rounds || !seen() && i < 100*rounds; i++ {
		n := i % pages
		next := r.versions[n].Add(1)
		e.invalidate(t, &wire.CacheInvalidated{Tags: []string{fmt.Sprintf("page:%d", n)}})
		r.settled[n].Store(next)
		if i%4 == 0 {
			e.invalidate(t, &wire.CacheInvalidated{All: true, Soft: true})
		}
		for range 4 { // let some hits happen in between
			select {
			case <-r.hits:
			case <-time.After(time.Second): // those who found a fault have stopped
			}
		}
	}
	cancel()
	running.Wait()
	if !seen() {
		t.Errorf("%d were confirmed, %d stale", r.confirmed.Load(), r.stale.Load())
	}
}

// renewals are pages whose versions only grow.
type renewals struct {
	t                 *testing.T
	versions, settled [3]atomic.Int64 // what the origin has; what the edge must have
	confirmed, stale  atomic.Int64
	hits              chan struct{}
}

func (r *renewals) origin(w http.ResponseWriter, q *http.Request) {
	var n int
	_, _ = fmt.Sscanf(q.URL.Path, "/%d", &n)
	version := r.versions[n].Load()
	<-time.After(time.Duration(rand.IntN(3)) * time.Millisecond) // an origin takes its time
	h := w.Header()
	h["Date"] = nil
	h.Set("Cache-Control", "max-age=1, stale-while-revalidate=1, stale-if-error=9")
	h.Set("Surrogate-Key", fmt.Sprintf("page:%d", n))
	h.Set("ETag", fmt.Sprintf(`"%d"`, version))
	switch {
	case rand.IntN(8) == 0:
		h.Del("Cache-Control")
		w.WriteHeader(http.StatusServiceUnavailable)
	case q.Header.Get("If-None-Match") == h.Get("ETag"):
		w.WriteHeader(http.StatusNotModified)
	default:
		_, _ = fmt.Fprint(w, version)
	}
}

// client asks once, and is false when it found a fault or the end.
func (r *renewals) client(ctx context.Context, e *edge, n int) bool {
	least := r.settled[n].Load()
	a := e.do(ctx, "GET", fmt.Sprintf("/%d", n))
	if ctx.Err() != nil {
		return false
	}
	if a.err == nil && a.StatusCode == http.StatusServiceUnavailable {
		return true
	}
	var got int64
	if _, err := fmt.Sscan(a.body, &got); err != nil || a.err != nil || got < least || a.Header.Get("ETag") != `"`+a.body+`"` {
		r.t.Errorf("page %d: version %q, ETag %s, after %d was purged, %q, %v", n, a.body, a.Header.Get("ETag"), least-1, a.cache, a.err)
		return false
	}
	switch {
	case strings.Contains(a.cache, "fwd-status=304"):
		r.confirmed.Add(1)
	case strings.Contains(a.cache, "ttl=-"):
		r.stale.Add(1)
	}
	if strings.HasPrefix(a.cache, "hit") {
		select {
		case r.hits <- struct{}{}:
		default:
		}
	}
	return true
}
