package upstream_test

import (
	"bufio"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/ringcast/ringcast/edgeproxy/upstream"
)

// raw sends a request as it is.
func (e *edge) raw(t *testing.T, request string) answer {
	t.Helper()
	conn, err := net.Dial("tcp", strings.TrimPrefix(e.url, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if _, err := io.WriteString(conn, request); err != nil {
		t.Fatal(err)
	}
	res, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		t.Fatal(err)
	}
	return read(res)
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

func TestConnectIsRefused(t *testing.T) {
	t.Parallel()
	e := newEdge(t, newOrigin(t, func(http.ResponseWriter, *http.Request) { t.Error("asked") }), upstream.Config{}, nil)
	a := e.raw(t, "CONNECT x:1 HTTP/1.1\r\nHost: x:1\r\n\r\n")
	if a.StatusCode != 405 || a.body != `{"error":"method_not_allowed"}`+"\n" {
		t.Errorf("got %d %q", a.StatusCode, a.body)
	}
}

func TestTargetsWithoutAPathAreRefused(t *testing.T) {
	t.Parallel()
	e := newEdge(t, newOrigin(t, func(_ http.ResponseWriter, r *http.Request) { t.Error("asked", r.RequestURI) }), upstream.Config{}, nil)
	for _, target := range []string{"x:http://evil/attacker", "x:foo", "http:evil", "*"} {
		for _, method := range []string{"GET", "POST"} {
			a := e.raw(t, method+" "+target+" HTTP/1.1\r\nHost: victim\r\n\r\n")
			if a.StatusCode != 400 || a.body != `{"error":"bad_request"}`+"\n" || a.Header.Get("Content-Type") != "application/json" {
				t.Errorf("%s %s: %d %q", method, target, a.StatusCode, a.body)
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

// TestUserOfATargetIsNotLogged: credentials in a URL are not for the log.
func TestUserOfATargetIsNotLogged(t *testing.T) {
	t.Parallel()
	origin := httptest.NewServer(nil)
	origin.Close()
	reader, writer := io.Pipe()
	e := newEdge(t, origin.URL, upstream.Config{Log: slog.New(slog.NewTextHandler(writer, nil))}, nil)
	answered := make(chan int)
	go func() {
		answered <- e.raw(t, "GET http://alice:secret@h/page HTTP/1.1\r\nHost: h\r\n\r\n").StatusCode
	}()
	line, err := bufio.NewReader(reader).ReadString('\n')
	if err != nil || !strings.Contains(line, "/page") || strings.Contains(line, "alice") || strings.Contains(line, "secret") {
		t.Errorf("logged %q, %v", line, err)
	}
	if code := <-answered; code != 502 {
		t.Errorf("answered %d", code)
	}
}
