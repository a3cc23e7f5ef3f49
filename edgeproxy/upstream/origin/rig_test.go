package origin

import (
	"bufio"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptrace"
	"net/textproto"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// peer is the origin's end of a connection.
type peer struct {
	net.Conn
	in *bufio.Reader
	// number is 1 for the first connection.
	number int64
}

// request gives the target of the next request, "" at the end.
func (p *peer) request() string {
	r, err := http.ReadRequest(p.in)
	if err != nil {
		return ""
	}
	return r.RequestURI
}

func (p *peer) say(answer string) { _, _ = io.WriteString(p, answer) }

// await returns when the other side has closed the connection.
func (p *peer) await() { _, _ = io.Copy(io.Discard, p.in) }

// listen runs an origin, which does with each connection what it is told and closes it.
func listen(t interface {
	Fatal(...any)
	Cleanup(func())
}, handle func(*peer)) (address string, connections *atomic.Int64) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	connections = new(atomic.Int64)
	var running sync.WaitGroup
	t.Cleanup(func() {
		_ = l.Close()
		running.Wait()
	})
	running.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			p := &peer{c, bufio.NewReader(c), connections.Add(1)}
			running.Go(func() {
				defer c.Close()
				handle(p)
			})
		}
	})
	return l.Addr().String(), connections
}

// answering gives each request what the function says.
func answering(answer func(target string) string) func(*peer) {
	return func(p *peer) {
		for target := p.request(); target != ""; target = p.request() {
			p.say(answer(target))
		}
	}
}

func newTransport(t interface{ Cleanup(func()) }, address string, edits ...func(*Config)) *Transport {
	config := Config{
		Address: address, DialTimeout: 5 * time.Second, HeaderTimeout: time.Minute, MaxHeaderBytes: 64 << 10,
		IdleTimeout: time.Minute, MaxIdle: 8,
	}
	for _, edit := range edits {
		edit(&config)
	}
	o := New(config)
	t.Cleanup(o.Close)
	return o
}

func newRequest(ctx context.Context, method, target string) *http.Request {
	r, err := http.NewRequestWithContext(ctx, method, "http://origin"+target, nil)
	if err != nil {
		panic(err)
	}
	r.Header.Set("User-Agent", "")
	return r
}

// outcome is all that can be seen of an answer.
type outcome struct {
	Interim         []int
	Failed          bool
	Status          int
	Proto           string
	Header, Trailer http.Header
	Length          int64
	Body            string
	Broken          bool
}

func ask(ctx context.Context, rt http.RoundTripper, method, target string) (o outcome, err error) {
	var mu sync.Mutex
	ctx = httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{Got1xxResponse: func(status int, _ textproto.MIMEHeader) error {
		mu.Lock()
		defer mu.Unlock()
		o.Interim = append(o.Interim, status)
		return nil
	}})
	res, err := rt.RoundTrip(newRequest(ctx, method, target))
	mu.Lock()
	defer mu.Unlock()
	if err != nil {
		return outcome{Failed: true}, err // of an answer that failed it depends on the moment what was seen
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	return outcome{
		Interim: slices.Clone(o.Interim), Status: res.StatusCode, Proto: res.Proto, Header: res.Header, Trailer: res.Trailer,
		Length: res.ContentLength, Body: string(body), Broken: err != nil,
	}, err
}

// get gives the body.
func get(t testing.TB, rt http.RoundTripper, target string) string {
	t.Helper()
	o, err := ask(t.Context(), rt, "GET", target)
	if err != nil {
		t.Fatalf("%s: %v", target, err)
	}
	return o.Body
}

func ok(body string) string {
	return "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + chunk(body) + "0\r\n\r\n"
}

func chunk(s string) string {
	return strings.Repeat("0", 3) + string("0123456789abcdef"[len(s)%16]) + "\r\n" + s + "\r\n"
}

// arrived waits until something has come on the one idle connection.
func arrived(t testing.TB, o *Transport) {
	t.Helper()
	o.idle.mu.Lock()
	defer o.idle.mu.Unlock()
	if len(o.idle.conns) != 1 {
		t.Fatalf("%d idle connections", len(o.idle.conns))
	}
	err := o.idle.conns[0].probe.raw.Read(func(fd uintptr) bool {
		_, _, err := syscall.Recvfrom(int(fd), make([]byte, 1), syscall.MSG_PEEK)
		return !errors.Is(err, syscall.EAGAIN)
	})
	if err != nil {
		t.Fatal(err)
	}
}
