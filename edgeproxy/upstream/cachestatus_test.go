package upstream_test

import (
	"io"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/dunglas/httpsfv"
	"github.com/google/go-cmp/cmp"

	"github.com/ringcast/ringcast/edgeproxy/upstream"
)

// TestKeyInCacheStatus: whatever the key is, the field is a List of RFC 9651.
func TestKeyInCacheStatus(t *testing.T) {
	t.Parallel()
	e := newEdge(t, newOrigin(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Cache-Control", "max-age=60")
		_, _ = io.WriteString(w, "page")
	}), upstream.Config{ShowKey: true}, nil)
	for target, want := range map[string]string{
		"/":                 "http://h/",
		"/a?b=c;d,e":        "http://h/a?b=c;d,e",
		`/q?"x\y"`:          `http://h/q?"x\y"`,
		"/q?\xc3\xa4\xff":   "http://h/q?%C3%A4%FF",
		"/%C3%A4":           "http://h/%C3%A4",
		"http://Other:80/x": "http://other/x",
	} {
		for _, method := range []string{"GET", "GET", "HEAD", "POST"} {
			a := e.raw(t, method+" "+target+" HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n")
			list, err := httpsfv.UnmarshalList(a.Header["Cache-Status"])
			if err != nil || len(list) != 1 {
				t.Fatalf("%s: %q, %v", target, a.Header["Cache-Status"], err)
			}
			item := list[0].(httpsfv.Item)
			key, _ := item.Params.Get("key")
			if key != want || item.Value != httpsfv.Token("ringcast") {
				t.Errorf("%s %s: %q in %q, want %q", method, target, key, a.Header["Cache-Status"], want)
			}
		}
	}
}

// TestCacheStatusIsAppended: the cache nearest to the origin comes first (RFC 9211,
// section 2). The members of others stay as they came, also when they are stored.
func TestCacheStatusIsAppended(t *testing.T) {
	t.Parallel()
	inner := []string{`"CDN, 1"; hit`, "next; fwd=miss, third"}
	e := newEdge(t, newOrigin(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Cache-Control", "max-age=60")
		w.Header().Set("Etag", `"1"`)
		w.Header()["Cache-Status"] = inner
	}), upstream.Config{}, nil)
	for _, tt := range []struct{ method, field, want string }{
		{"GET", "X: y", "fwd=uri-miss; fwd-status=200; stored"}, {"GET", "X: y", "hit; ttl="}, {"GET", "X: y", "hit; ttl="},
		{"GET", `If-None-Match: "1"`, "hit; ttl="}, {"POST", "X: y", "fwd=method; fwd-status=200"},
	} {
		a := e.do(t.Context(), tt.method, "/", tt.field)
		lines := a.Header["Cache-Status"]
		if len(lines) != 3 || cmp.Diff(inner, lines[:2]) != "" || !strings.HasPrefix(lines[2], "ringcast; "+tt.want) {
			t.Errorf("%s %s: %q, want %q", tt.method, tt.field, lines, tt.want)
		}
	}
}

// TestOnlyIfCached: RFC 9111, section 5.2.1.7.
func TestOnlyIfCached(t *testing.T) {
	t.Parallel()
	var asked atomic.Int64
	e := newEdge(t, newOrigin(t, func(w http.ResponseWriter, _ *http.Request) {
		asked.Add(1)
		w.Header().Set("Cache-Control", "max-age=60")
		w.Header().Set("Vary", "Accept-Language")
		_, _ = io.WriteString(w, "page")
	}), upstream.Config{ShowKey: true}, nil)
	const only = "Cache-Control: only-if-cached"
	refused := func(method, target string, fields ...string) {
		t.Helper()
		before := asked.Load()
		a := e.as(t, "h", method, target, append(fields, only)...)
		want := "detail=only-if-cached; key=\"http://h" + target + `"`
		if a.StatusCode != 504 || a.cache != want || asked.Load() != before || a.Header.Get("Cache-Control") != "no-store" {
			t.Errorf("%s %s: %d, %q, %q", method, target, a.StatusCode, a.cache, a.body)
		}
		if body := "{\"error\":\"only_if_cached\"}\n"; method == "GET" && a.body != body || method == "HEAD" && a.body != "" {
			t.Errorf("%s %s: %q", method, target, a.body)
		}
	}
	refused("GET", "/")
	refused("HEAD", "/")
	refused("GET", "/", "Range: bytes=0-1")
	e.as(t, "h", "GET", "/")
	for _, fields := range [][]string{{only}, {only, "Range: bytes=0-1"}} {
		if a := e.as(t, "h", "GET", "/", fields...); a.StatusCode >= 300 || !strings.HasPrefix(a.cache, "hit") {
			t.Errorf("%q: %d, %q", fields, a.StatusCode, a.cache)
		}
	}
	refused("GET", "/", "Accept-Language: de")
	refused("GET", "/", "Cache-Control: no-cache")
}
