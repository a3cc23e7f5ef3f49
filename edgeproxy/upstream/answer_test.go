package upstream_test

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/ringcast/ringcast/edgeproxy/upstream"
)

func TestAnswerFromTheCache(t *testing.T) {
	t.Parallel()
	e := newEdge(t, newOrigin(t, func(w http.ResponseWriter, _ *http.Request) {
		h := w.Header()
		h["Content-Type"] = nil
		h.Set("Date", "Fri, 15 Jan 2027 08:00:00 GMT")
		h.Set("Cache-Control", "max-age=60")
		h.Set("Cache-Status", `inner; hit`)
		h.Set("Age", "3")
		for _, name := range []string{"X-Cache-Tags", "Cache-Tag", "Cache-Tags", "Surrogate-Key", "Cache-Groups"} {
			h.Set(name, `"a"`)
		}
		_, _ = io.WriteString(w, "<html>body")
	}), upstream.Config{}, func() time.Time { return time.Date(2027, 1, 15, 8, 0, 0, 0, time.UTC) })
	for i, want := range []string{"fwd=uri-miss; fwd-status=200; stored", "hit; ttl=57", "hit; ttl=57"} {
		method := []string{"GET", "GET", "HEAD"}[i]
		a := e.do(t.Context(), method, "/")
		body := map[string]string{"GET": "<html>body"}[method]
		if a.err != nil || a.body != body || a.cache != want || a.ContentLength != 10 {
			t.Errorf("%d: %q, %q, length %d, %v, want %q", i, a.body, a.cache, a.ContentLength, a.err, want)
		}
		a.Header.Del("Content-Length")
		wantHeader := http.Header{
			"Via": {"1.1 ringcast"}, "Date": {"Fri, 15 Jan 2027 08:00:00 GMT"}, "Cache-Control": {"max-age=60"}, "Age": {"3"},
			"Cache-Status": {"inner; hit", "ringcast; " + want},
		}
		if diff := cmp.Diff(wantHeader, a.Header); diff != "" {
			t.Errorf("%d: header: %s", i, diff)
		}
	}
}

func TestErrors(t *testing.T) {
	t.Parallel()
	hang := make(chan struct{})
	slow := newOrigin(t, func(_ http.ResponseWriter, r *http.Request) {
		select {
		case <-hang:
		case <-r.Context().Done():
		}
	})
	defer close(hang)
	closed, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	closed.Close()
	for origin, want := range map[string]string{
		slow:                               `504 {"error":"origin_timeout"}`,
		"http://" + closed.Addr().String(): `502 {"error":"origin_unreachable"}`,
	} {
		e := newEdge(t, origin, upstream.Config{HeaderTimeout: 50 * time.Millisecond}, nil)
		for _, method := range []string{"GET", "POST"} {
			a := e.do(t.Context(), method, "/")
			if a.err != nil {
				t.Fatal(a.err)
			}
			got := fmt.Sprintf("%d %s", a.StatusCode, strings.TrimSpace(a.body))
			if got != want || a.Header.Get("Content-Type") != "application/json" || !strings.HasPrefix(a.cache, "fwd=") {
				t.Errorf("%s: %s, %q, want %s", method, got, a.cache, want)
			}
		}
	}
}

func TestUnsafeMethodsInvalidate(t *testing.T) {
	t.Parallel()
	var version atomic.Int64
	e := newEdge(t, newOrigin(t, func(w http.ResponseWriter, r *http.Request) {
		if status := r.Header.Get("Status"); status != "" {
			version.Add(1)
			var code int
			_, _ = fmt.Sscan(status, &code)
			w.WriteHeader(code)
			return
		}
		w.Header().Set("Cache-Control", "max-age=60")
		_, _ = fmt.Fprint(w, version.Load())
	}), upstream.Config{}, nil)
	for _, tt := range []struct {
		method, status string
		want           bool
	}{
		{"POST", "200", true}, {"PUT", "204", true}, {"DELETE", "303", true}, {"PURGE", "200", true},
		{"POST", "400", false}, {"POST", "500", false}, {"OPTIONS", "200", false}, {"GET", "404", false},
	} {
		target := "/" + tt.method + tt.status
		old := e.get(t, target).body
		other := e.get(t, target+"?other").body
		if a := e.do(t.Context(), tt.method, target, "Status: "+tt.status, "Cache-Control: no-store"); a.err != nil {
			t.Fatal(a.err)
		}
		if got := e.get(t, target).body != old; got != tt.want {
			t.Errorf("%s with %s: invalidated is %v, want %v", tt.method, tt.status, got, tt.want)
		}
		if e.get(t, target+"?other").body != other {
			t.Errorf("%s with %s: another URL is gone too", tt.method, tt.status)
		}
	}
}
