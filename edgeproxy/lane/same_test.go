package lane

import (
	"io"
	"net"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

// piece is a part of what a client sends, and how long it waits before.
type piece struct {
	wait time.Duration
	text string
}

// seen is all that can be seen of a connection.
type seen struct {
	Answers string
	// Lasted is from the first byte to the end of the connection.
	Lasted time.Duration
	// Asked are the requests that reached the origin.
	Asked []string
}

// pipes is a listener on one end of a pipe.
type pipes struct {
	conns chan net.Conn
	done  chan struct{}
}

func (p pipes) Accept() (net.Conn, error) {
	select {
	case c := <-p.conns:
		return c, nil
	case <-p.done:
		return nil, net.ErrClosed
	}
}
func (p pipes) Close() error   { return nil }
func (p pipes) Addr() net.Addr { return &net.TCPAddr{} }

// converse sends the pieces to a server and waits for it to end the connection.
func converse(t *testing.T, serverOf func(*shop) server, pieces []piece) (s seen, answered int) {
	synctest.Test(t, func(t *testing.T) {
		shop := &shop{}
		server := serverOf(shop)
		l := pipes{make(chan net.Conn, 1), make(chan struct{})}
		ended := make(chan struct{})
		go func() {
			defer close(ended)
			_ = server.Serve(l)
		}()
		client, conn := net.Pipe()
		l.conns <- conn
		began := time.Now()
		sent := make(chan struct{})
		go func() {
			defer close(sent)
			send(client, pieces)
		}()
		answers, _ := io.ReadAll(client)
		s = seen{string(answers), time.Since(began), shop.asked}
		answered = len(shop.byLane)
		_ = client.Close()
		<-sent
		close(l.done)
		<-ended
		if err := server.Close(); err != nil {
			t.Error(err)
		}
	})
	return s, answered
}

func send(client net.Conn, pieces []piece) {
	for _, p := range pieces {
		time.Sleep(p.wait)
		if _, err := io.WriteString(client, p.text); err != nil {
			return
		}
	}
}

// Whatever clients send, and however it is cut, they get the same answers at the same
// time as from net/http, and the origin gets the same requests.
func TestSameAsNetHTTP(t *testing.T) {
	t.Parallel()
	answered := 0
	rapid.Check(t, func(r *rapid.T) {
		pieces := drawPieces(r)
		want, _ := converse(t, without, pieces)
		got, n := converse(t, withLane, pieces)
		answered += n
		if diff := cmp.Diff(want, got); diff != "" {
			r.Fatalf("%#v (-net/http +lane)\n%s", pieces, diff)
		}
	})
	if answered == 0 {
		t.Error("the lane answered nothing")
	}
}

// Those are drawn too seldom.
func TestSameDeadlines(t *testing.T) {
	t.Parallel()
	const miss, hit = "GET /miss HTTP/1.1\r\nHost: a\r\n\r\n", "GET /hit HTTP/1.1\r\nHost: a\r\n\r\n"
	for name, pieces := range map[string][]piece{
		"a header that is for net/http once it has begun": {{0, miss + hit + "GET /hit"}, {time.Second, " HTTP/1.0\r\n"}, {headerTimeout - 1, "\r\n"}},
		"a header that does not end":                      {{0, miss + hit + "GET /hit HTTP/1.1\r\nHost"}, {headerTimeout + 1, ": a\r\n\r\n"}},
		"a first line that does not":                      {{0, miss + hit + "GET /"}, {headerTimeout + 1, "hit"}},
		"not even a word of it":                           {{0, miss + hit + "GE"}, {idleTimeout + 1, "T"}},
		"nothing after an answer":                         {{0, miss}, {idleTimeout - 1, hit}, {idleTimeout - 1, hit}, {idleTimeout + 1, hit}},
		"a refusal long after an answer":                  {{0, miss + hit}, {writeTimeout + 1, "GET\r\n"}},
	} {
		want, _ := converse(t, without, pieces)
		got, _ := converse(t, withLane, pieces)
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-net/http +lane)\n%s", name, diff)
		}
	}
}

func drawPieces(r *rapid.T) []piece {
	var stream strings.Builder
	for range rapid.IntRange(1, 8).Draw(r, "requests") {
		stream.WriteString(drawRequest(r))
	}
	text := stream.String()
	if rapid.IntRange(0, 9).Draw(r, "damage") == 0 {
		i := rapid.IntRange(0, len(text)-1).Draw(r, "at")
		text = text[:i] + rapid.SampledFrom([]string{"", "\n", "\r", "\x00", " ", ":", "\r\n", "x"}).Draw(r, "byte") + text[i+1:]
	}
	return cutUp(r, text)
}

// cutUp waits for long now and then. No waits make up exactly a timeout.
func cutUp(r *rapid.T, text string) (pieces []piece) {
	waits := []time.Duration{0, 0, 0, time.Millisecond + 1, time.Millisecond + 1, time.Second + 1, headerTimeout/2 + 1, headerTimeout + 1, writeTimeout + 1}
	for text != "" {
		n := len(text)
		if rapid.Bool().Draw(r, "cut") {
			n = rapid.IntRange(1, min(len(text), 200)).Draw(r, "length")
		}
		pieces = append(pieces, piece{rapid.SampledFrom(waits).Draw(r, "wait"), text[:n]})
		text = text[n:]
	}
	return pieces
}

func drawRequest(r *rapid.T) string {
	if rapid.IntRange(0, 2).Draw(r, "kind") > 0 {
		target := rapid.SampledFrom([]string{"/hit?a=b", "/hit/2", "/big", "/miss", "/refused", "/same", "/empty", "/own"}).Draw(r, "target")
		return rapid.SampledFrom([]string{"GET ", "GET ", "HEAD "}).Draw(r, "method") + target + " HTTP/1.1\r\nHost: a.example\r\nCookie: a=1\r\n\r\n"
	}
	method := rapid.SampledFrom([]string{"GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "PURGE", "CONNECT", "PRI", "get", "", "\r\nGET"}).Draw(r, "method")
	target := rapid.SampledFrom([]string{
		"/hit", "/miss", "/big/x", "//hit", "/%68it", "/%zz", "/hit#f", "/h\x80t", "/a b", "*", "http://b.example/hit", "b.example:80", "", "/hit?%zz;\"<>", "/../hit",
	}).Draw(r, "target")
	version := rapid.SampledFrom([]string{"HTTP/1.1", "HTTP/1.1", "HTTP/1.1", "HTTP/1.0", "HTTP/2.0", "HTTP/1.2", "http/1.1", ""}).Draw(r, "version")
	end := rapid.SampledFrom([]string{"\r\n", "\r\n", "\r\n", "\r\n", "\n"}).Draw(r, "end")
	lines := append([]string{method + " " + target + " " + version}, drawFields(r)...)
	return strings.Join(lines, end) + end + end + drawBody(r)
}

func drawFields(r *rapid.T) []string {
	return rapid.SliceOfN(rapid.SampledFrom([]string{
		"Host: a.example", "Host: a.example", "Host: a.example", "Host:a.example:80 ", "host: [::1]:80", "Host: ", "Host: a b", "Host: a/b", "Host: a@b", "Host: %41",
		"Accept: */*", "Cookie: a=1", "cookie:b=2", "X-Empty:", "X-Tab:\ta\tb\t", "X-High: \x80\xff", "X-Nul: \x00", "X-Del: \x7f", "X-Esc: \x1b", "X-Cr: a\rb",
		"X Space: 1", "X-Before : 1", ": nameless", "no colon", " folded", "\tfolded", "X_Y: 1", "Über: 1", "If-None-Match: \"a\"", "Range: bytes=0-1",
		"Connection: keep-alive", "Connection: Keep-Alive", "Connection: close", "Connection: keep-alive, X-Y", "Connection: upgrade", "Upgrade: h2c", "Expect: 100-continue", "Expect: x",
		"Pragma: no-cache", "Cache-Control: no-cache", "Trailer: X-T", "TE: trailers",
		"Content-Length: 0", "Content-Length: 5", "content-length: 005", "Content-Length: +5", "Content-Length: 5, 5", "Content-Length: -1", "Content-Length:", "Content-Length: 99999999999999999999", "Content-Length : 5",
		"Transfer-Encoding: chunked", "Transfer-Encoding: identity", "Transfer-Encoding : chunked", "Transfer-Encoding: x, chunked", "Transfer-Encoding:\vchunked",
		"X-Long: " + strings.Repeat("x", 5000), "X-Longer: " + strings.Repeat("y", 20000),
	}), 0, 4).Draw(r, "fields")
}

// drawBody gives what may be taken for one, or for a request.
func drawBody(r *rapid.T) string {
	return rapid.SampledFrom([]string{
		"", "", "", "12345", "5\r\n12345\r\n0\r\n\r\n", "0\r\n\r\n", "\r\n", "GET /miss/smuggled HTTP/1.1\r\nHost: a.example\r\n\r\n",
		"0\r\n\r\nGET /miss/smuggled HTTP/1.1\r\nHost: a.example\r\n\r\n",
	}).Draw(r, "body")
}
