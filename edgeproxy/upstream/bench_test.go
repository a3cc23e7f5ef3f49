package upstream_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/ringcast/ringcast/edgeproxy/cache"
	"github.com/ringcast/ringcast/edgeproxy/upstream"
)

// BenchmarkMiss is a request whose answer is stored, without the server before it and
// the disk behind it.
func BenchmarkMiss(b *testing.B) {
	e := newEdge(b, repeating(b, "HTTP/1.1 200 OK\r\nCache-Control: max-age=600\r\nContent-Type: text/plain\r\nContent-Length: 1024\r\n\r\n"+
		strings.Repeat("x", 1024)), upstream.Config{}, nil, func(c *cache.Config) { c.MaxEntries = 10_000 })
	ctx, cancel := context.WithCancel(b.Context())
	defer cancel()
	n := 0
	b.ReportAllocs()
	for b.Loop() {
		n++
		r := &http.Request{
			Method: "GET", URL: &url.URL{Path: fmt.Sprintf("/%d", n)}, Host: "www.example.com", Proto: "HTTP/1.1",
			ProtoMajor: 1, ProtoMinor: 1, Header: http.Header{"Accept": {"*/*"}}, Body: http.NoBody, RemoteAddr: "127.0.0.1:1",
		}
		w := &sink{header: http.Header{}}
		if e.handler.ServeHTTP(w, r.WithContext(ctx)); w.n != 1024 {
			b.Fatal(w.n)
		}
	}
}

// sink is a client that counts what it gets.
type sink struct {
	header http.Header
	n      int
}

func (s *sink) Header() http.Header { return s.header }
func (s *sink) WriteHeader(int)     {}
func (s *sink) Flush()              {}

func (s *sink) Write(p []byte) (int, error) {
	s.n += len(p)
	return len(p), nil
}

// repeating is an origin that costs next to nothing.
func repeating(t testing.TB, answer string) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer c.Close()
				in := bufio.NewReader(c)
				for {
					line, err := in.ReadSlice('\n')
					if err != nil {
						return
					}
					if len(line) == 2 {
						_, _ = io.WriteString(c, answer)
					}
				}
			}()
		}
	}()
	return "http://" + l.Addr().String()
}
