package upstream_test

import (
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/ringcast/ringcast/edgeproxy/upstream"
	"github.com/ringcast/ringcast/internal/wire"
)

// TestHostsThatAreNoneAreRefused: Unicode's lower case of U+0130 begins with "i" and that
// of U+212A is "k", so that such a host must not come near the key of another.
func TestHostsThatAreNoneAreRefused(t *testing.T) {
	t.Parallel()
	e := newEdge(t, newOrigin(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Cache-Control", "max-age=60")
		_, _ = io.WriteString(w, r.Header.Get("X-Forwarded-Host"))
	}), upstream.Config{}, nil)
	for _, host := range []string{"%E2%84%AAelvin.example", "v%C4%B0ctim.example", "\u212aelvin.example", "%FF", "[fe80::1%25en0]", "a:b", "[::1", "a:80:80"} {
		for _, method := range []string{"GET", "POST"} {
			a := e.raw(t, method+" http://"+host+"/ HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
			if a.StatusCode != http.StatusBadRequest || a.cache != "" {
				t.Errorf("%s http://%s/: %d %q, %q", method, host, a.StatusCode, a.body, a.cache)
			}
		}
	}
	a := e.raw(t, "GET http://%E2%84%AAelvin.example/ HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
	if a.body != `{"error":"bad_request"}`+"\n" || a.Header.Get("Content-Type") != "application/json" {
		t.Errorf("the refusal is %q", a.body)
	}
	if a := e.asHost(t, "a:b", "/"); a.StatusCode != http.StatusBadRequest {
		t.Errorf("in the Host field: %d %q", a.StatusCode, a.body)
	}
	if a := e.asHost(t, "kelvin.example", "/"); a.body != "kelvin.example" || !strings.HasPrefix(a.cache, "fwd=uri-miss") {
		t.Errorf("the real host: %q, %q", a.body, a.cache)
	}
}

// TestKeysArePurgedAsTyped: clients and the edge encode what a URL may not hold.
func TestKeysArePurgedAsTyped(t *testing.T) {
	t.Parallel()
	origin, _ := newPages(t)
	e := newEdge(t, origin, upstream.Config{}, nil)
	for _, tt := range []struct{ target, key string }{
		{"/\u00fc", "/\u00fc"}, {"/%C3%BC", "/\u00fc"}, {"/\u00fc", "http://h/\u00fc"}, {"/\u00fc", "http://H:80/\u00fc"},
		{`/a"b`, `/a"b`}, {`/a"b`, `http://h/a"b`}, {`/(")`, `/(")`}, {"/%c3%bc", "/%c3%bc"}, {`/p?q="`, `/p?q="`},
		{"/(%C3%BC)", "/(\u00fc)"}, {"/(\u00fc)", "/(\u00fc)"}, {"/\u00fcber", "/\u00fc*"}, {"/%C3%BCber", "http://h/\u00fc*"}, {`/d"/x`, `/d"/*`},
	} {
		for i := range 2 {
			if a := e.asHost(t, "h", tt.target); strings.HasPrefix(a.cache, "hit") != (i == 1) {
				t.Fatalf("%s: %d, %q", tt.target, a.StatusCode, a.cache)
			}
		}
		e.invalidate(t, &wire.CacheInvalidated{Keys: []string{tt.key}})
		if a := e.asHost(t, "h", tt.target); !strings.HasPrefix(a.cache, "fwd") {
			t.Errorf("%s after the purge of %s: %q", tt.target, tt.key, a.cache)
		}
		e.invalidate(t, &wire.CacheInvalidated{All: true})
	}
}
