package upstream

import (
	"fmt"
	"net/http"
	"slices"

	"github.com/ringcast/ringcast/edgeproxy/cache"
)

// serve answers with a stored response.
func (h *Handler) serve(w http.ResponseWriter, r *cache.Request, d cache.Decision) {
	header := w.Header()
	m := reply(header, d.Entry, r, h.cache.Now())
	// The stored values are clipped: this one goes into a slice of its own.
	header[cacheStatus] = append(slices.Clip(header[cacheStatus]), h.status(d.Outcome, r))
	h.answered(r, false, m.status)
	w.WriteHeader(m.status)
	defer h.cache.Sending(d.Entry)()
	if r.Method == http.MethodHead {
		return
	}
	for _, piece := range m.body {
		if _, err := w.Write(piece); err != nil {
			return // the client is gone; there is nobody to tell
		}
	}
}

// answered tells of an answer that a client gets.
func (h *Handler) answered(r *cache.Request, background bool, status int) {
	h.cache.Answered(r, status)
	if !background {
		h.config.Answered(r.Client, status)
	}
}

// status is the outcome as Cache-Status tells it.
func (h *Handler) status(o cache.Outcome, r *cache.Request) string {
	if h.config.ShowKey {
		o.Key = r.Key()
	}
	return o.String()
}

// refuse answers with an error of the edge's own.
func refuse(w http.ResponseWriter, status int, reason string) {
	h := w.Header()
	h.Set("Content-Type", "application/json")
	h.Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_, _ = fmt.Fprintf(w, "{\"error\":%q}\n", reason) // as in serve
}
