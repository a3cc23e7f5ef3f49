package upstream

import (
	"context"
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
func (h *Handler) refresh(r *http.Request, d cache.Decision) {
	if !h.reserve() {
		d.EndRefresh()
		return
	}
	// A context of its own: the client's ends now.
	ctx, cancel := context.WithTimeout(h.ctx, refreshTimeout)
	background := r.Clone(ctx)
	background.Method, background.Body = http.MethodGet, http.NoBody
	for _, name := range conditions { // a 304 would refresh nothing
		background.Header.Del(name)
	}
	go func() {
		defer h.release()
		defer d.EndRefresh()
		defer cancel()
		x := &exchange{request: view(background), decision: d.ForRefresh()}
		x.outcome = x.decision.Outcome
		h.forward(discard{}, background, x)
	}()
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

// discard is the client of a refresh.
type discard struct{}

func (discard) Header() http.Header         { return http.Header{} }
func (discard) Write(p []byte) (int, error) { return len(p), nil }
func (discard) WriteHeader(int)             {}

// Flush keeps the proxy from failing on a writer that cannot.
func (discard) Flush() {}
