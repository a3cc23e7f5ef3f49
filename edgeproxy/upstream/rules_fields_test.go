package upstream_test

import (
	"bufio"
	"io"
	"net"
	"net/http"
	"net/http/httptrace"
	"net/textproto"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/ringcast/ringcast/edgeproxy/upstream"
)

func TestFieldsOfOneConnection(t *testing.T) {
	hop := []string{
		"Connection: X-One, x-two", "X-One: 1", "X-Two: 1", "Keep-Alive: timeout=1", "Proxy-Connection: x",
		"Te: trailers", "Proxy-Authenticate: Basic", "Upgrade: x",
	}
	gone := []string{"!X-One", "!X-Two", "!Keep-Alive", "!Proxy-Connection", "!Te", "!Connection", "!Upgrade", "X-Three: 1"}
	runRules(t, []rule{
		{"RFC 9110, 7.6.1: of an answer", talk(
			ask().origin("200 a", append(hop, tenSeconds, "X-Three: 1")...).gives("200 a", miss, gone...),
			ask().gives("200 a", hit, append(gone, "!Proxy-Authenticate")...),
		)},
		{"… of one that passes", talk(
			ask().origin("200 a", append(hop, "Cache-Control: no-store", "X-Three: 1")...).gives("200 a", passed, gone...),
		)},
		{"… of a request", talk(
			ask("Keep-Alive: 1", "Proxy-Connection: x", "Proxy-Authorization: x", "Te: x", "Connection: X-One", "X-One: 1", "X-Three: 1").
				origin("200 a", tenSeconds).seeing("!Keep-Alive", "!Proxy-Connection", "!Proxy-Authorization", "!X-One", "!Te", "!Connection", "X-Three: 1").
				gives("200 a", "fwd=bypass; fwd-status=200"),
		)},
		{"7.6.3: Via is added to a question and an answer", talk(
			ask("Via: 1.0 a").origin("200 a", tenSeconds, "Via: 1.1 b").seeing("Via: 1.0 a", "Via: 1.1 ringcast").
				gives("200 a", miss, "Via: 1.1 b", "Via: 1.1 ringcast"),
			ask().gives("200 a", hit, "Via: 1.1 b", "Via: 1.1 ringcast"),
		)},
		{"… once, also after a 304", talk(
			ask().origin("200 a", tenSeconds, `ETag: "1"`).gives("200 a", miss, "Via: 1.1 ringcast"),
			at(10).origin("304").gives("200 a", confirmed, "Via: 1.1 ringcast"),
		)},
		{"6.6.1: Date is added where there is none", talk(
			ask().origin("200 a", tenSeconds).gives("200 a", miss),
			at(5).gives("200 a", "hit; ttl=5", "Date: {+0}", "Age: 5"),
		)},
		{"… and kept where there is one", talk(
			ask().origin("200 a", tenSeconds, "Date: {-2}").gives("200 a", miss, "Date: {-2}"),
			at(5).gives("200 a", "hit; ttl=3", "Date: {-2}", "Age: 7"),
		)},
		{"RFC 9111, 3.1: what is unknown is kept, all lines of it", talk(
			ask().origin("200 a", tenSeconds, "Foo: 1", "Foo: 2, 3", "X-Empty: ").gives("200 a", miss, "Foo: 1", "Foo: 2, 3"),
			ask().gives("200 a", hit, "Foo: 1", "Foo: 2, 3", "X-Empty: "),
		)},
	})
}

// rawOrigin answers each request on a connection of its own by the bytes given for
// its path, and closes it.
func rawOrigin(t *testing.T, answers map[string]string, asked *atomic.Int64) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			r, err := http.ReadRequest(bufio.NewReader(conn))
			if err == nil {
				asked.Add(1)
				_, _ = io.WriteString(conn, strings.ReplaceAll(answers[r.URL.Path], "\n", "\r\n"))
			}
			_ = conn.Close()
		}
	}()
	t.Cleanup(func() {
		_ = l.Close()
		<-done
	})
	return "http://" + l.Addr().String()
}

// TestCutTransfersAreNotStored: RFC 9111, section 3.3.
func TestCutTransfersAreNotStored(t *testing.T) {
	t.Parallel()
	const ok = "HTTP/1.1 200 OK\nCache-Control: max-age=60\n"
	for name, answer := range map[string]string{
		"shorter than its Content-Length": ok + "Content-Length: 10\n\nshort",
		"nothing of it":                   ok + "Content-Length: 10\n\n",
		"chunks without an end":           ok + "Transfer-Encoding: chunked\n\n5\nshort\n",
		"inside a chunk":                  ok + "Transfer-Encoding: chunked\n\n9\nshort",
		"inside the last":                 ok + "Transfer-Encoding: chunked\n\n5\nshort\n0\n",
		"no chunk":                        ok + "Transfer-Encoding: chunked\n\nshort\n",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var asked atomic.Int64
			e := newEdge(t, rawOrigin(t, map[string]string{"/": answer}, &asked), upstream.Config{}, nil)
			for range 2 {
				if a := e.do(t.Context(), "GET", "/"); a.err == nil {
					t.Errorf("a clean end after %q, %q", a.body, a.cache)
				}
			}
			a := e.get(t, "/", "Cache-Control: only-if-cached")
			if a.StatusCode != 504 || asked.Load() != 2 {
				t.Errorf("%d %q after %d questions", a.StatusCode, a.body, asked.Load())
			}
		})
	}
}

func TestTransfersThatAreWhole(t *testing.T) {
	t.Parallel()
	const ok = "HTTP/1.1 200 OK\nCache-Control: max-age=60\n"
	for name, tt := range map[string]struct{ answer, trailer, second string }{
		"chunks":                  {ok + "Transfer-Encoding: chunked\n\n2\nwh\n3;x=y\nole\n0\n\n", "", "hit"},
		"until the end":           {"HTTP/1.0 200 OK\nCache-Control: max-age=60\n\nwhole", "", "hit"},
		"Content-Length":          {ok + "Content-Length: 5\n\nwhole", "", "hit"},
		"trailers that are named": {ok + "Trailer: X-Sum\nTransfer-Encoding: chunked\n\n5\nwhole\n0\nX-Sum: 1\n\n", "1", "fwd=uri-miss"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var asked atomic.Int64
			e := newEdge(t, rawOrigin(t, map[string]string{"/": tt.answer}, &asked), upstream.Config{}, nil)
			for i, want := range []string{"fwd=uri-miss", tt.second} {
				a := e.get(t, "/")
				if a.err != nil || a.body != "whole" || a.Trailer.Get("X-Sum") != tt.trailer || !strings.HasPrefix(a.cache, want) {
					t.Errorf("%d: %q, %q, trailer %v, %v", i, a.body, a.cache, a.Trailer, a.err)
				}
			}
		})
	}
}

// TestInformation: RFC 9110, section 15.2, and RFC 8297. It is of the one fetch,
// and a hit has none.
func TestInformation(t *testing.T) {
	t.Parallel()
	var asked atomic.Int64
	const hints = "HTTP/1.1 103 Early Hints\nLink: </a>\nLink: </b>\n\nHTTP/1.1 102 Processing\n\n"
	e := newEdge(t, rawOrigin(t, map[string]string{
		"/stored": hints + "HTTP/1.1 200 OK\nCache-Control: max-age=60\nContent-Length: 1\n\na",
		"/passed": hints + "HTTP/1.1 200 OK\nContent-Length: 1\n\na",
	}, &asked), upstream.Config{}, nil)
	for _, target := range []string{"/stored", "/passed", "/stored"} {
		var codes []int
		var links []string
		a := e.do(httptrace.WithClientTrace(t.Context(), &httptrace.ClientTrace{
			Got1xxResponse: func(code int, h textproto.MIMEHeader) error {
				codes, links = append(codes, code), append(links, h["Link"]...)
				return nil
			},
		}), "GET", target)
		cached := strings.HasPrefix(a.cache, "hit")
		if a.err != nil || a.StatusCode != 200 || a.body != "a" || len(a.Header["Link"]) != 0 {
			t.Errorf("%s: %d %q, Link %q, %v", target, a.StatusCode, a.body, a.Header["Link"], a.err)
		}
		if got := len(codes) == 2 && codes[0] == 103 && codes[1] == 102 && len(links) == 2; got == cached {
			t.Errorf("%s, %s: %v, Link %q", target, a.cache, codes, links)
		}
	}
	if asked.Load() != 2 {
		t.Errorf("the origin was asked %d times", asked.Load())
	}
}

// TestContinue: RFC 9110, section 10.1.1. The client hears 100 when the origin
// wants the body, and an origin that refuses does not get it.
func TestContinue(t *testing.T) {
	t.Parallel()
	e := newEdge(t, newOrigin(t, func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Expect") != "100-continue" {
			t.Errorf("the origin sees %v", r.Header)
		}
		if r.URL.Path == "/refused" {
			w.WriteHeader(http.StatusExpectationFailed)
			return
		}
		_, _ = io.Copy(w, r.Body)
	}), upstream.Config{}, nil)
	e.client.Transport.(*http.Transport).ExpectContinueTimeout = time.Minute
	for target, want := range map[string]string{"/taken": "200 body true", "/refused": "417  false"} {
		var continued atomic.Bool
		ctx := httptrace.WithClientTrace(t.Context(), &httptrace.ClientTrace{Got100Continue: func() { continued.Store(true) }})
		r, err := http.NewRequestWithContext(ctx, "POST", e.url+target, strings.NewReader("body"))
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Expect", "100-continue")
		a := e.send(r)
		if a.err != nil {
			t.Fatal(a.err)
		}
		got := strings.Join([]string{a.Status[:3], a.body, map[bool]string{true: "true", false: "false"}[continued.Load()]}, " ")
		if got != want {
			t.Errorf("%s: %q, want %q", target, got, want)
		}
	}
}
