package upstream

import (
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"time"

	"github.com/ringcast/ringcast/edgeproxy/cache"
)

const cacheStatus = "Cache-Status"

// serve answers with a stored response.
func (h *Handler) serve(w http.ResponseWriter, r *http.Request, d cache.Decision) {
	header := w.Header()
	header["Content-Type"] = nil // none is guessed where the origin gave none
	for _, f := range d.Entry.Fields() {
		header[f.Name] = f.Values
	}
	if length := d.Entry.ContentLength(); length != nil {
		header["Content-Length"] = length
	}
	header["Age"] = []string{strconv.Itoa(seconds(d.Entry.Age(h.cache.Now())))}
	// The stored values are clipped: this one goes into a slice of its own.
	header[cacheStatus] = append(slices.Clip(header[cacheStatus]), d.Outcome.String())
	w.WriteHeader(d.Entry.Status())
	if r.Method != http.MethodHead && len(d.Entry.Body()) > 0 {
		_, _ = w.Write(d.Entry.Body()) // the client is gone; there is nobody to tell
	}
}

func seconds(d time.Duration) int { return int(d / time.Second) }

// refuse answers with an error of the edge's own.
func refuse(w http.ResponseWriter, status int, reason string) {
	h := w.Header()
	h.Set("Content-Type", "application/json")
	h.Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_, _ = fmt.Fprintf(w, "{\"error\":%q}\n", reason) // as in serve
}
