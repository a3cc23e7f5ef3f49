package upstream_test

import (
	"io"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/ringcast/ringcast/edgeproxy/upstream"
)

func TestWhatTheOriginSees(t *testing.T) {
	t.Parallel()
	var got atomic.Pointer[http.Request]
	origin := newOrigin(t, func(_ http.ResponseWriter, r *http.Request) { got.Store(r) })
	e := newEdge(t, origin, upstream.Config{}, nil)
	for _, target := range []string{
		"/", "/a/../b", "/a//b/", "//a", "/%2e%2E/%2F?a;b&c=%zz", "/a?", "/a?b?c", "/a%20b", "/%E4%B8%96",
	} {
		e.raw(t, "GET "+target+" HTTP/1.1\r\nHost: www.example.com\r\nX-Forwarded-For: 6.6.6.6\r\n"+
			"X-Forwarded-Host: evil\r\nX-Forwarded-Port: 1\r\nForwarded: for=6.6.6.6\r\nConnection: close\r\n\r\n")
		r := got.Swap(nil)
		if r == nil || r.RequestURI != target {
			t.Errorf("%s: the origin sees %+v", target, r)
			continue
		}
		want := http.Header{
			"Via": {"1.1 ringcast"}, "X-Forwarded-For": {"127.0.0.1"}, "X-Forwarded-Host": {"www.example.com"}, "X-Forwarded-Proto": {"http"},
		}
		if diff := cmp.Diff(want, r.Header); diff != "" || "http://"+r.Host != origin {
			t.Errorf("%s: host %s, header %s", target, r.Host, diff)
		}
	}
}

func TestFieldsStrippedByConnectionPoisonNothing(t *testing.T) {
	t.Parallel()
	e := newEdge(t, newOrigin(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Cache-Control", "max-age=60")
		w.Header().Set("Vary", "Accept-Language")
		_, _ = io.WriteString(w, r.Header.Get("Accept-Language"))
	}), upstream.Config{}, nil)
	e.raw(t, "GET / HTTP/1.1\r\nHost: "+strings.TrimPrefix(e.url, "http://")+
		"\r\nAccept-Language: de\r\nConnection: close, accept-language\r\n\r\n")
	if a := e.get(t, "/", "Accept-Language: de"); a.body != "de" {
		t.Errorf("got %q, %s", a.body, a.cache)
	}
}

func TestOverridesDoNotReachTheOrigin(t *testing.T) {
	t.Parallel()
	var got atomic.Pointer[http.Header]
	e := newEdge(t, newOrigin(t, func(_ http.ResponseWriter, r *http.Request) { got.Store(&r.Header) }), upstream.Config{}, nil)
	for _, method := range []string{"GET", "POST"} {
		e.do(t.Context(), method, "/", "x-original-url: /admin", "X-Rewrite-URL: /admin", "X-HTTP-Method-Override: DELETE",
			"X-HTTP-Method: DELETE", "X-Method-Override: DELETE", "X-Other: 1")
		h := got.Load()
		for name := range *h {
			if strings.Contains(name, "Override") || strings.HasSuffix(name, "-Url") || strings.HasSuffix(name, "-Method") {
				t.Errorf("%s: the origin sees %s", method, name)
			}
		}
		if h.Get("X-Other") != "1" {
			t.Errorf("%s: another field is gone", method)
		}
	}
}

func TestConditionsOfAClientStayItsOwn(t *testing.T) {
	t.Parallel()
	e := newEdge(t, newOrigin(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("ETag", `"1"`)
		if r.URL.Path == "/shared" {
			w.Header().Set("Cache-Control", "max-age=60")
		}
		if r.Header.Get("If-None-Match") != "" || r.Header.Get("If-Modified-Since") != "" {
			w.WriteHeader(http.StatusNotModified)
			return
		}
		_, _ = io.WriteString(w, "body")
	}), upstream.Config{}, nil)
	for _, condition := range []string{`If-None-Match: "1"`, "If-Modified-Since: Fri, 15 Jan 2027 08:00:00 GMT"} {
		shared, own := "/shared?"+condition[3:6], "/own?"+condition[3:6]
		if a := e.get(t, shared, condition); a.StatusCode != 304 || a.body != "" {
			t.Errorf("%s: the first: %d %q", condition, a.StatusCode, a.body)
		}
		if a := e.get(t, shared); a.body != "body" || !strings.HasPrefix(a.cache, "hit") && !strings.HasSuffix(a.cache, "collapsed") {
			t.Errorf("%s: the second: %q, %q", condition, a.body, a.cache)
		}
		e.get(t, own)
		if a := e.get(t, own, condition); a.StatusCode != 304 {
			t.Errorf("%s: what is not shared: %d", condition, a.StatusCode)
		}
	}
}
