package upstream

import (
	"context"
	"io"
	"net/http"
	"time"

	"github.com/ringcast/ringcast/edgeproxy/cache"
)

const (
	// maxRefreshes bounds what stale-while-revalidate asks of the origin beside
	// the clients. A stale response whose turn does not come stays stale.
	maxRefreshes = 64
	// refreshTimeout ends a refresh of a body that never ends.
	refreshTimeout = 2 * time.Minute
)

// refresh fetches in the background what was just served stale.
func (h *Handler) refresh(r *http.Request, who *caller, d cache.Decision) {
	if !h.reserve() {
		d.EndRefresh()
		return
	}
	// A context of its own: the client's ends now.
	ctx, cancel := context.WithTimeout(h.ctx, refreshTimeout)
	anyone := r.Clone(ctx)
	anyone.Method, anyone.Body = http.MethodGet, http.NoBody
	for _, name := range own { // they are of the client that happened to come
		anyone.Header.Del(name)
	}
	// As are its wishes: an origin that is a cache may answer by what is stale.
	anyone.Header.Del("Cache-Control")
	anyone.Header.Del("Pragma")
	go func() {
		defer h.release()
		defer d.EndRefresh()
		defer cancel()
		h.background(anyone, who, d.ForRefresh())
	}()
}

// background asks the origin for the cache alone, whose decision is to fetch. The
// outcome's Status is 0 where no whole answer came.
func (h *Handler) background(r *http.Request, who *caller, d cache.Decision) cache.Outcome {
	x := &exchange{caller: who, request: view(r, who), decision: d, outcome: d.Outcome, background: true}
	h.forward(discard{}, r, x)
	if x.broken {
		x.outcome.Status, x.outcome.Stored = 0, false
	}
	return x.outcome
}

// swallow reads the body of an answer that only the cache wants, if it does.
func (h *Handler) swallow(res *http.Response, x *exchange) {
	body := res.Body
	res.Body = http.NoBody
	defer func() { _ = body.Close() }() // the cache has seen its errors
	if !x.outcome.Stored {
		return
	}
	if _, err := io.Copy(io.Discard, body); err != nil {
		x.broken = true
		h.warn(res.Request, "origin broke off its answer", err)
	}
}

func (h *Handler) reserve() bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.closed {
		return false
	}
	select {
	case h.slots <- struct{}{}:
		h.refreshes.Add(1)
		return true
	default:
		return false
	}
}

func (h *Handler) release() {
	<-h.slots
	h.refreshes.Done()
}

// discard is the client of what is fetched in the background.
type discard struct{}

func (discard) Header() http.Header         { return http.Header{} }
func (discard) Write(p []byte) (int, error) { return len(p), nil }
func (discard) WriteHeader(int)             {}

// Flush keeps the proxy from failing on a writer that cannot.
func (discard) Flush() {}
