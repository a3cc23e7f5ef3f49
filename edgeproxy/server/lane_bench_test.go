package server

import (
	"bufio"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"
)

// BenchmarkHit is one client that asks for what is stored, over a socket. What the
// client costs is in it.
func BenchmarkHit(b *testing.B) {
	edge := benchEdge(b)
	for name, address := range map[string]string{"lane": edge.Addr().String(), "net-http": serveWithout(b, edge)} {
		b.Run("1KiB/"+name, func(b *testing.B) { benchHit(b, address, 1<<10) })
		b.Run("100KiB/"+name, func(b *testing.B) { benchHit(b, address, 100<<10) })
	}
}

// benchEdge has an origin whose answers are as long as their path says.
func benchEdge(b *testing.B) *Server {
	b.Helper()
	site := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		size, _ := strconv.Atoi(r.URL.Path[1:]) // as benchHit asks
		w.Header().Set("Cache-Control", "max-age=3600")
		w.Header().Set("Content-Length", strconv.Itoa(size))
		_, _ = io.WriteString(w, strings.Repeat("x", size))
	}))
	b.Cleanup(site.Close)
	edge, _ := start(b, func(c *Config) { c.Origin, c.Control = site.URL, []string{site.URL} })
	return edge
}

func benchHit(b *testing.B, address string, size int) {
	conn, err := net.Dial("tcp", address)
	if err != nil {
		b.Fatal(err)
	}
	defer conn.Close()
	request := "GET /" + strconv.Itoa(size) + " HTTP/1.1\r\nHost: a.example\r\nUser-Agent: bench\r\nAccept: */*\r\nAccept-Encoding: gzip\r\n\r\n"
	answers := bufio.NewReaderSize(conn, 2*size)
	ask := func() {
		if _, err := io.WriteString(conn, request); err != nil {
			b.Fatal(err)
		}
		for line := []byte(nil); len(line) != 2; {
			if line, err = answers.ReadSlice('\n'); err != nil {
				b.Fatal(err)
			}
		}
		if _, err := answers.Discard(size); err != nil {
			b.Fatal(err)
		}
	}
	ask() // the first of a connection is not the lane's
	for b.Loop() {
		ask()
	}
}
