package origin

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptrace"
	"net/textproto"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestConnectionsAreUsedAgain(t *testing.T) {
	t.Parallel()
	for _, answer := range []string{
		ok("body"), "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nbody", "HTTP/1.1 304 x\r\nContent-Length: 4\r\n\r\n",
		"HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nContent-Length: 1\r\n\r\nx",
	} {
		address, connections := listen(t, answering(func(string) string { return answer }))
		o := newTransport(t, address)
		for range 3 {
			get(t, o, "/")
		}
		if n := connections.Load(); n != 1 {
			t.Errorf("%q: %d connections", answer, n)
		}
	}
}

// TestConnectionsAreNotUsedAgain after an answer whose end is not the connection's
// future: the next request has its own answer, from another connection.
func TestConnectionsAreNotUsedAgain(t *testing.T) {
	t.Parallel()
	const smuggled = "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil"
	for _, answer := range []string{
		ok("body") + smuggled,
		"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nbody" + smuggled,
		"HTTP/1.1 204 OK\r\n\r\n" + smuggled,
		"HTTP/1.1 304 OK\r\nContent-Length: 4\r\n\r\nbody",
		"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nbody\n",
		"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 4\r\n\r\nbody",
		"HTTP/1.0 200 OK\r\nContent-Length: 4\r\n\r\nbody",
		"HTTP/1.1 101 Switching\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\n",
	} {
		address, connections := listen(t, func(p *peer) {
			if p.request(); p.number > 1 {
				answer = ok("next")
			}
			p.say(answer)
			p.await()
		})
		o := newTransport(t, address)
		get(t, o, "/")
		if body := get(t, o, "/"); body != "next" || connections.Load() != 2 {
			t.Errorf("%q: then %q, %d connections", answer, body, connections.Load())
		}
	}
}

func TestWhatComesUnaskedIsNoAnswer(t *testing.T) {
	t.Parallel()
	for _, unasked := range []string{"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil", "HTTP/1.1 408 Timeout\r\n\r\n", "\n", ""} {
		first := make(chan struct{})
		address, connections := listen(t, func(p *peer) {
			p.request()
			p.say(ok("body"))
			if p.number > 1 {
				p.await()
				return
			}
			<-first // has its answer
			p.say(unasked)
			if unasked != "" {
				p.await()
			}
		})
		o := newTransport(t, address)
		get(t, o, "/")
		close(first)
		arrived(t, o)
		if body := get(t, o, "/"); body != "body" || connections.Load() != 2 {
			t.Errorf("%q: then %q, %d connections", unasked, body, connections.Load())
		}
	}
}

// TestAsksAgainOnce, where a connection that was kept turns out to be closed, and
// never after a byte of an answer, nor on a new connection.
func TestAsksAgainOnce(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name            string
		kept, new       string
		fails           bool
		wantConnections int64
	}{
		{"closed", "", ok("again"), false, 2},
		{"closed twice", "", "", true, 2},
		{"closed in the answer", "H", ok("again"), true, 1},
		{"closed in the header", "HTTP/1.1 200 OK\r\nX: 1", ok("again"), true, 1},
		{"closed in the body", "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nbod", ok("again"), true, 1},
	} {
		address, connections := listen(t, func(p *peer) {
			if p.number > 1 {
				p.request()
				p.say(tt.new)
				return
			}
			p.request()
			p.say(ok("first"))
			p.request()
			p.say(tt.kept)
		})
		o := newTransport(t, address)
		get(t, o, "/")
		got, err := ask(t.Context(), o, "GET", "/")
		if (err != nil) != tt.fails || connections.Load() != tt.wantConnections || !tt.fails && got.Body != "again" {
			t.Errorf("%s: %+v, %v, %d connections", tt.name, got, err, connections.Load())
		}
	}
	address, connections := listen(t, func(p *peer) { p.request() })
	if _, err := ask(t.Context(), newTransport(t, address), "GET", "/"); !errors.Is(err, io.EOF) || connections.Load() != 1 {
		t.Errorf("closed at first: %v, %d connections", err, connections.Load())
	}
}

func TestEndsWithItsContext(t *testing.T) {
	t.Parallel()
	const header = "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n"
	cause := errors.New("nobody waits")
	for _, said := range []string{"", "HTTP/1.1 103 x\r\n\r\n", "HTTP/1.1 200 OK\r\nX: ", header, header + "part"} {
		reached, ended := make(chan struct{}), make(chan struct{})
		address, connections := listen(t, func(p *peer) {
			p.request()
			p.say(said)
			close(reached)
			p.await()
			close(ended)
		})
		ctx, cancel := context.WithCancelCause(t.Context())
		defer cancel(nil)
		go func() {
			<-reached
			cancel(cause)
		}()
		if _, err := ask(ctx, newTransport(t, address), "GET", "/"); !errors.Is(err, cause) {
			t.Errorf("after %q: %v", said, err)
		}
		<-ended
		if n := connections.Load(); n != 1 {
			t.Errorf("after %q: %d connections", said, n)
		}
	}
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(cause)
	address, connections := listen(t, func(*peer) {})
	if _, err := ask(ctx, newTransport(t, address), "GET", "/"); !errors.Is(err, cause) || connections.Load() != 0 {
		t.Errorf("before: %v, %d connections", err, connections.Load())
	}
}

func TestNobodyListens(t *testing.T) {
	t.Parallel()
	var network interface{ Timeout() bool }
	_, err := ask(t.Context(), newTransport(t, "127.0.0.1:1"), "GET", "/")
	if !errors.As(err, &network) || network.Timeout() {
		t.Error(err)
	}
}

// TestHeaderTimeout also of a kept connection, which is no reason to ask again.
func TestHeaderTimeout(t *testing.T) {
	t.Parallel()
	for _, said := range []string{"", "HTTP/1.1 103 x\r\n\r\n", "HTTP/1.1 200 OK\r\nX: "} {
		address, connections := listen(t, func(p *peer) {
			p.request()
			p.say(ok("first"))
			p.request()
			p.say(said)
			p.await()
		})
		o := newTransport(t, address, func(c *Config) { c.HeaderTimeout = 200 * time.Millisecond })
		get(t, o, "/")
		_, err := ask(t.Context(), o, "GET", "/")
		var timeout interface{ Timeout() bool }
		if !errors.As(err, &timeout) || !timeout.Timeout() || connections.Load() != 1 {
			t.Errorf("after %q: %v, %d connections", said, err, connections.Load())
		}
	}
}

// TestBodiesTakeTheirTime: the time for the header does not end them.
func TestBodiesTakeTheirTime(t *testing.T) {
	t.Parallel()
	const patience = 200 * time.Millisecond
	address, _ := listen(t, func(p *peer) {
		p.request()
		p.say("HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\n")
		_ = p.SetReadDeadline(time.Now().Add(2 * patience))
		p.await()
		p.say("late")
	})
	if body := get(t, newTransport(t, address, func(c *Config) { c.HeaderTimeout = patience }), "/"); body != "late" {
		t.Errorf("%q", body)
	}
}

func TestLongHeaders(t *testing.T) {
	t.Parallel()
	for _, part := range []string{"X: 0123456789\r\n", "x", "\r\nHTTP/1.1 103 x\r\n"} {
		address, _ := listen(t, func(p *peer) {
			p.request()
			p.say("HTTP/1.1 103 x\r\n")
			for i, most := 0, 200_000; i < most; i += len(part) {
				p.say(part)
			}
			p.await()
		})
		if o, err := ask(t.Context(), newTransport(t, address), "GET", "/"); !errors.Is(err, errLongHeader) {
			t.Errorf("%q for ever: %+v, %v", part, o, err)
		}
	}
	long := strings.Repeat("x", 1<<20)
	address, _ := listen(t, answering(func(string) string { return "HTTP/1.1 200 OK\r\nContent-Length: 1048576\r\n\r\n" + long }))
	if get(t, newTransport(t, address), "/") != long {
		t.Error("the bound is on bodies as well")
	}
}

func TestStatusBelow100(t *testing.T) {
	t.Parallel()
	address, _ := listen(t, answering(func(string) string { return "HTTP/1.1 099 x\r\nContent-Length: 0\r\n\r\n" }))
	if _, err := ask(t.Context(), newTransport(t, address), "GET", "/"); !errors.Is(err, errStatus) {
		t.Error(err)
	}
}

func TestInformationIsTold(t *testing.T) {
	t.Parallel()
	address, connections := listen(t, answering(func(string) string {
		return "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n" + ok("body")
	}))
	o := newTransport(t, address)
	got, err := ask(t.Context(), o, "GET", "/")
	if diff := cmp.Diff([]int{100, 103}, got.Interim); diff != "" || err != nil || got.Body != "body" {
		t.Error(got, err, diff)
	}
	refused := errors.New("refused")
	ctx := httptrace.WithClientTrace(t.Context(), &httptrace.ClientTrace{
		Got1xxResponse: func(int, textproto.MIMEHeader) error { return refused },
	})
	if _, err := o.RoundTrip(newRequest(ctx, "GET", "/")); !errors.Is(err, refused) {
		t.Error(err)
	}
	if get(t, o, "/") != "body" || connections.Load() != 2 {
		t.Errorf("%d connections", connections.Load())
	}
}

// TestClosingABody early closes the connection, and later does nothing.
func TestClosingABody(t *testing.T) {
	t.Parallel()
	address, connections := listen(t, answering(func(string) string { return ok("body") }))
	o := newTransport(t, address)
	for _, early := range []bool{true, false} {
		res, err := o.RoundTrip(newRequest(t.Context(), "GET", "/"))
		if err != nil {
			t.Fatal(err)
		}
		if !early {
			_, _ = io.Copy(io.Discard, res.Body)
		}
		for range 2 {
			_ = res.Body.Close()
		}
		if _, err := res.Body.Read(make([]byte, 1)); early != errors.Is(err, http.ErrBodyReadAfterClose) || early == errors.Is(err, io.EOF) {
			t.Errorf("closed early, %v: then %v", early, err)
		}
	}
	if get(t, o, "/") != "body" || connections.Load() != 2 {
		t.Errorf("%d connections", connections.Load())
	}
}

// TestTheRestOfABody that is still to come, or is no body at all, keeps its connection from
// other requests.
func TestTheRestOfABody(t *testing.T) {
	t.Parallel()
	for _, framing := range []string{"Content-Length: 8\r\n\r\nbody", "Transfer-Encoding: chunked\r\n\r\n4\r\nbody\r\n", "Transfer-Encoding: chunked\r\n\r\n4\r\nbody\r\nz\r\n"} {
		address, _ := listen(t, func(p *peer) {
			p.request()
			p.say("HTTP/1.1 200 OK\r\n" + framing)
			p.await()
		})
		o := newTransport(t, address)
		res, err := o.RoundTrip(newRequest(t.Context(), "GET", "/"))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := io.ReadFull(res.Body, make([]byte, 4)); err != nil {
			t.Error(err)
		}
		if _ = res.Body.Close(); len(o.idle.conns) != 0 {
			t.Errorf("%q: the connection is kept", framing)
		}
	}
}

func TestIdleConnectionsAreBounded(t *testing.T) {
	t.Parallel()
	var closed sync.WaitGroup
	closed.Add(3)
	address, connections := listen(t, func(p *peer) {
		defer closed.Done()
		answering(func(string) string { return ok("body") })(p)
	})
	o := newTransport(t, address, func(c *Config) { c.MaxIdle, c.IdleTimeout = 2, 50*time.Millisecond })
	var bodies []io.Closer
	for range 3 {
		res, err := o.RoundTrip(newRequest(t.Context(), "GET", "/"))
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _, _ = io.Copy(io.Discard, res.Body) }()
		bodies = append(bodies, res.Body)
	}
	for _, b := range bodies {
		_, _ = io.Copy(io.Discard, b.(io.Reader))
	}
	closed.Wait() // one at once, two in time
	if n := connections.Load(); n != 3 {
		t.Errorf("%d connections", n)
	}
}

func TestClose(t *testing.T) {
	t.Parallel()
	var closed sync.WaitGroup
	closed.Add(2)
	address, _ := listen(t, func(p *peer) {
		defer closed.Done()
		answering(func(string) string { return ok("body") })(p)
	})
	o := newTransport(t, address)
	res, err := o.RoundTrip(newRequest(t.Context(), "GET", "/"))
	if err != nil {
		t.Fatal(err)
	}
	get(t, o, "/")
	o.Close() // one connection is idle
	o.Close()
	if body, err := io.ReadAll(res.Body); string(body) != "body" || err != nil {
		t.Errorf("%q, %v", body, err)
	}
	closed.Wait()
}

func TestManyAtOnce(t *testing.T) {
	t.Parallel()
	address, connections := listen(t, func(p *peer) {
		for i := range 20 {
			target := p.request()
			if target == "" || i == 19 { // without a word
				return
			}
			p.say(ok(target))
		}
	})
	o := newTransport(t, address, func(c *Config) { c.MaxIdle = 4 })
	var asking sync.WaitGroup
	for i := range 16 {
		target := "/" + string(rune('a'+i))
		asking.Go(func() {
			for range 50 {
				if got, err := ask(t.Context(), o, "GET", target); err != nil || got.Body != target {
					t.Errorf("%s: %+v, %v", target, got, err)
				}
			}
		})
	}
	asking.Wait()
	if n := connections.Load(); n < 16*50/20 {
		t.Errorf("%d connections", n)
	}
}

func TestTakes(t *testing.T) {
	t.Parallel()
	for name, edit := range map[string]func(*http.Request){
		"https":      func(r *http.Request) { r.URL.Scheme = "https" },
		"POST":       func(r *http.Request) { r.Method = "POST" },
		"a body":     func(r *http.Request) { r.Body, r.ContentLength = io.NopCloser(strings.NewReader("x")), 1 },
		"a length":   func(r *http.Request) { r.ContentLength = -1 },
		"a coding":   func(r *http.Request) { r.TransferEncoding = []string{"chunked"} },
		"a trailer":  func(r *http.Request) { r.Trailer = http.Header{"X": nil} },
		"Close":      func(r *http.Request) { r.Close = true },
		"Connection": func(r *http.Request) { r.Header.Set("Connection", "x") },
		"Upgrade":    func(r *http.Request) { r.Header.Set("Upgrade", "x") },
		"Expect":     func(r *http.Request) { r.Header.Set("Expect", "100-continue") },
		"a control":  func(r *http.Request) { r.Header.Set("X", "a\rb") },
		"DEL":        func(r *http.Request) { r.Header["X"] = []string{"a", "\x7f"} },
	} {
		r := newRequest(t.Context(), "GET", "/")
		edit(r)
		if Takes(r) {
			t.Errorf("takes a request with %s", name)
		}
	}
	for _, method := range []string{"GET", "HEAD"} {
		r := newRequest(t.Context(), method, "/")
		r.Header.Set("X", "\tä ~")
		if r.Body = http.NoBody; !Takes(r) {
			t.Errorf("does not take a %s", method)
		}
	}
}
