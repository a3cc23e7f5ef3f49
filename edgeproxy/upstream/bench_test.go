package upstream_test

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
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
	n := 0
	b.ReportAllocs()
	for b.Loop() {
		n++
		w := &httptest.ResponseRecorder{HeaderMap: http.Header{}}
		e.handler.ServeHTTP(w, httptest.NewRequestWithContext(b.Context(), "GET", fmt.Sprintf("/%d", n), http.NoBody))
		if w.Code != http.StatusOK {
			b.Fatal(w.Code)
		}
	}
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
