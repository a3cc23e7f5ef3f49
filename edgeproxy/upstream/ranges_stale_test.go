package upstream_test

import (
	"fmt"
	"io"
	"net/http"
	"sync/atomic"
	"testing"
	"time"

	"github.com/ringcast/ringcast/edgeproxy/upstream"
)

// TestRangeOfAStaleEntry: the origin is asked about the whole; what it confirms is
// cut here, and what it sends anew goes out whole.
func TestRangeOfAStaleEntry(t *testing.T) {
	t.Parallel()
	var now, version atomic.Int64
	var seen atomic.Pointer[http.Header]
	e := newEdge(t, newOrigin(t, func(w http.ResponseWriter, r *http.Request) {
		seen.Store(&r.Header)
		tag := fmt.Sprintf(`"v%d"`, version.Load())
		w.Header()["Date"] = nil // the clock is not the origin's
		w.Header().Set("Cache-Control", "max-age=10")
		w.Header().Set("ETag", tag)
		if r.Header.Get("If-None-Match") == tag {
			w.WriteHeader(http.StatusNotModified)
			return
		}
		_, _ = fmt.Fprintf(w, "%d123456789", version.Load())
	}), upstream.Config{}, func() time.Time { return time.Unix(1_800_000_000+now.Load(), 0) })
	e.get(t, "/")
	now.Store(15)
	a := e.get(t, "/", "Range: bytes=0-2", `If-Range: "v0"`)
	if a.StatusCode != 206 || a.body != "012" || a.Header.Get("Content-Range") != "bytes 0-2/10" || a.cache != "fwd=stale; fwd-status=304; stored" {
		t.Errorf("confirmed: %d %q %q, %q", a.StatusCode, a.body, a.Header.Get("Content-Range"), a.cache)
	}
	if h := *seen.Load(); h.Get("Range") != "" || h.Get("If-Range") != "" || h.Get("If-None-Match") != `"v0"` {
		t.Errorf("the origin was asked with %v", h)
	}
	now.Store(30)
	version.Store(1)
	if a = e.get(t, "/", "Range: bytes=0-2"); a.StatusCode != 200 || a.body != "1123456789" || a.cache != "fwd=stale; fwd-status=200; stored" {
		t.Errorf("changed: %d %q, %q", a.StatusCode, a.body, a.cache)
	}
	if a = e.get(t, "/", "Range: bytes=0-2"); a.StatusCode != 206 || a.body != "112" || a.cache != "hit; ttl=10" {
		t.Errorf("then: %d %q, %q", a.StatusCode, a.body, a.cache)
	}
}

// TestPartsAreNotStored: neither those that a client asked for nor those that it
// did not.
func TestPartsAreNotStored(t *testing.T) {
	t.Parallel()
	var asked atomic.Int64
	e := newEdge(t, newOrigin(t, func(w http.ResponseWriter, r *http.Request) {
		asked.Add(1)
		w.Header().Set("Cache-Control", "max-age=60")
		w.Header().Set("ETag", `"v1"`)
		if r.Header.Get("Range") != "" || r.URL.Path == "/always" {
			w.Header().Set("Content-Range", "bytes 0-4/20")
			w.WriteHeader(http.StatusPartialContent)
			_, _ = io.WriteString(w, digits[:5])
			return
		}
		_, _ = io.WriteString(w, digits)
	}), upstream.Config{}, nil)
	for range 2 {
		if a := e.get(t, "/", "Range: bytes=0-4"); a.StatusCode != 206 || a.body != "01234" || a.cache != "fwd=uri-miss; fwd-status=206" {
			t.Errorf("a part that is not stored: %d %q, %q", a.StatusCode, a.body, a.cache)
		}
		if a := e.get(t, "/always"); a.StatusCode != 206 || a.cache != "fwd=uri-miss; fwd-status=206" {
			t.Errorf("a part that nobody wanted: %d, %q", a.StatusCode, a.cache)
		}
	}
	if a := e.get(t, "/"); a.StatusCode != 200 || a.body != digits || a.cache != "fwd=uri-miss; fwd-status=200; stored" {
		t.Errorf("the whole: %d %q, %q", a.StatusCode, a.body, a.cache)
	}
	if n := asked.Load(); n != 5 {
		t.Errorf("the origin was asked %d times, want 5", n)
	}
}
