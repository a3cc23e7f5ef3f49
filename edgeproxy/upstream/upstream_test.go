package upstream_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptrace"
	"net/textproto"
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
			"Date": {"Fri, 15 Jan 2027 08:00:00 GMT"}, "Cache-Control": {"max-age=60"}, "Age": {"3"},
			"Cache-Status": {"inner; hit", "ringcast; " + want},
		}
		if diff := cmp.Diff(wantHeader, a.Header); diff != "" {
			t.Errorf("%d: header: %s", i, diff)
		}
	}
}

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
			"X-Forwarded-For": {"127.0.0.1"}, "X-Forwarded-Host": {"www.example.com"}, "X-Forwarded-Proto": {"http"},
		}
		if diff := cmp.Diff(want, r.Header); diff != "" || "http://"+r.Host != origin {
			t.Errorf("%s: host %s, header %s", target, r.Host, diff)
		}
	}
}

// raw sends bytes and gives the status line of the answer.
func (e *edge) raw(t *testing.T, request string) string {
	t.Helper()
	conn, err := net.Dial("tcp", strings.TrimPrefix(e.url, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if _, err := io.WriteString(conn, request); err != nil {
		t.Fatal(err)
	}
	line, err := bufio.NewReader(conn).ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimSpace(line)
}

func TestDifferentTargetsDoNotShare(t *testing.T) {
	t.Parallel()
	e := newEdge(t, newOrigin(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Cache-Control", "max-age=60")
		_, _ = io.WriteString(w, r.RequestURI)
	}), upstream.Config{}, nil)
	for _, target := range []string{"/a", "/a?", "/a?x", "/%61", "/a/", "//a", "/a%2F"} {
		for range 2 {
			if a := e.get(t, target); a.body != target {
				t.Errorf("%s: got %s", target, a.body)
			}
		}
	}
}

func TestOriginWithAPath(t *testing.T) {
	t.Parallel()
	origin := newOrigin(t, func(w http.ResponseWriter, r *http.Request) { _, _ = io.WriteString(w, r.RequestURI) })
	e := newEdge(t, origin+"/base", upstream.Config{}, nil)
	if a := e.get(t, "/x%2Fy?z"); a.body != "/base/x%2Fy?z" {
		t.Errorf("got %s", a.body)
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

func TestConnectIsRefused(t *testing.T) {
	t.Parallel()
	e := newEdge(t, newOrigin(t, func(http.ResponseWriter, *http.Request) { t.Error("asked") }), upstream.Config{}, nil)
	if line := e.raw(t, "CONNECT x:1 HTTP/1.1\r\nHost: x:1\r\n\r\n"); !strings.Contains(line, " 405 ") {
		t.Errorf("got %s", line)
	}
}

func TestTargetsWithoutAPathAreRefused(t *testing.T) {
	t.Parallel()
	e := newEdge(t, newOrigin(t, func(_ http.ResponseWriter, r *http.Request) { t.Error("asked", r.RequestURI) }), upstream.Config{}, nil)
	for _, target := range []string{"x:http://evil/attacker", "x:foo", "http:evil", "*"} {
		for _, method := range []string{"GET", "POST"} {
			if line := e.raw(t, method+" "+target+" HTTP/1.1\r\nHost: victim\r\n\r\n"); !strings.Contains(line, " 400 ") {
				t.Errorf("%s %s: %s", method, target, line)
			}
		}
	}
}

func TestAbsoluteTargetReachesTheOriginOnly(t *testing.T) {
	t.Parallel()
	var got atomic.Pointer[http.Request]
	origin := newOrigin(t, func(_ http.ResponseWriter, r *http.Request) { got.Store(r) })
	e := newEdge(t, origin, upstream.Config{}, nil)
	e.raw(t, "GET http://u:p@www.example.com/a%2Fb? HTTP/1.1\r\nHost: other\r\nConnection: close\r\n\r\n")
	r := got.Load()
	if r == nil || "http://"+r.Host != origin || r.RequestURI != "/a%2Fb?" || r.Header.Get("Authorization") != "" {
		t.Errorf("the origin sees %+v", r)
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

func TestUpgradePasses(t *testing.T) {
	t.Parallel()
	e := newEdge(t, newOrigin(t, func(w http.ResponseWriter, r *http.Request) {
		conn, rw, err := http.NewResponseController(w).Hijack()
		if err != nil || r.Header.Get("Upgrade") != "echo" {
			t.Error(err, r.Header)
			return
		}
		defer conn.Close()
		_, _ = rw.WriteString("HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n")
		_ = rw.Flush()
		line, _ := rw.ReadString('\n')
		_, _ = rw.WriteString("echo " + line)
		_ = rw.Flush()
	}), upstream.Config{}, nil)
	conn, err := net.Dial("tcp", strings.TrimPrefix(e.url, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	_, _ = io.WriteString(conn, "GET / HTTP/1.1\r\nHost: h\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n")
	br := bufio.NewReader(conn)
	res, err := http.ReadResponse(br, nil)
	if err != nil || res.StatusCode != 101 {
		t.Fatal(res, err)
	}
	_, _ = io.WriteString(conn, "hello\n")
	if line, err := br.ReadString('\n'); line != "echo hello\n" {
		t.Errorf("got %q, %v", line, err)
	}
}

func TestInformationAndTrailersPass(t *testing.T) {
	t.Parallel()
	e := newEdge(t, newOrigin(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Link", "</a>; rel=preload")
		w.WriteHeader(http.StatusEarlyHints)
		w.Header().Set("Cache-Control", "max-age=60")
		w.Header().Set("Trailer", "X-Sum")
		_, _ = io.WriteString(w, "body")
		w.Header().Set("X-Sum", "4")
	}), upstream.Config{}, nil)
	var hints atomic.Int64
	ctx := httptrace.WithClientTrace(t.Context(), &httptrace.ClientTrace{
		Got1xxResponse: func(code int, h textproto.MIMEHeader) error {
			if code == 103 && h.Get("Link") != "" {
				hints.Add(1)
			}
			return nil
		},
	})
	a := e.do(ctx, "GET", "/")
	if a.err != nil || a.body != "body" || a.Trailer.Get("X-Sum") != "4" || hints.Load() != 1 {
		t.Errorf("%q, trailer %v, %d hints, %v", a.body, a.Trailer, hints.Load(), a.err)
	}
}

func TestEventStreamsFlowAndEndWithTheClient(t *testing.T) {
	t.Parallel()
	ended := make(chan struct{})
	e := newEdge(t, newOrigin(t, func(w http.ResponseWriter, r *http.Request) {
		defer close(ended)
		w.Header().Set("Content-Type", "text/event-stream")
		_, _ = io.WriteString(w, "data: 1\n\n")
		_ = http.NewResponseController(w).Flush()
		<-r.Context().Done()
	}), upstream.Config{}, nil)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	r, _ := http.NewRequestWithContext(ctx, "GET", e.url, nil)
	res, err := e.client.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	first := make([]byte, 9)
	if _, err := io.ReadFull(res.Body, first); err != nil || string(first) != "data: 1\n\n" {
		t.Fatalf("%q, %v", first, err)
	}
	cancel()
	<-ended
}

func TestBodyOfAGetReachesTheOrigin(t *testing.T) {
	t.Parallel()
	e := newEdge(t, newOrigin(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Cache-Control", "max-age=60")
		_, _ = io.Copy(w, r.Body)
	}), upstream.Config{}, nil)
	for _, body := range []string{"one", "two"} {
		r, _ := http.NewRequestWithContext(t.Context(), "GET", e.url, strings.NewReader(body))
		if a := e.send(r); a.err != nil || a.body != body || a.cache != "fwd=bypass; fwd-status=200" {
			t.Errorf("%q, %q, %v", a.body, a.cache, a.err)
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
		if r.Header.Get("If-None-Match") != "" {
			w.WriteHeader(http.StatusNotModified)
			return
		}
		_, _ = io.WriteString(w, "body")
	}), upstream.Config{}, nil)
	if a := e.get(t, "/shared", `If-None-Match: "1"`); a.StatusCode != 200 || a.body != "body" {
		t.Errorf("the first: %d %q", a.StatusCode, a.body)
	}
	if a := e.get(t, "/shared"); a.body != "body" || !strings.HasPrefix(a.cache, "hit") {
		t.Errorf("the second: %q, %q", a.body, a.cache)
	}
	e.get(t, "/own")
	if a := e.get(t, "/own", `If-None-Match: "1"`); a.StatusCode != 304 {
		t.Errorf("what is not shared: %d", a.StatusCode)
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
