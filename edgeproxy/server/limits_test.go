package server

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// TestLimitsOfARequest: what is longer than a request can honestly be is refused
// before the gate, the cache or the origin has seen it.
func TestLimitsOfARequest(t *testing.T) {
	t.Parallel()
	site, asked := origin(t)
	edge, _ := start(t, func(c *Config) { c.Origin, c.Control = site, []string{"http://127.0.0.1:1"} })
	long := strings.Repeat("x", maxHeaderBytes+8<<10) // net/http gives 4 KiB more
	for name, tt := range map[string]struct {
		request string
		want    int
	}{
		"URL":             {"GET /" + long + " HTTP/1.1\r\nHost: h\r\n\r\n", 431},
		"query":           {"GET /?" + long + " HTTP/1.1\r\nHost: h\r\n\r\n", 431},
		"header":          {"GET / HTTP/1.1\r\nHost: h\r\nX: " + long + "\r\n\r\n", 431},
		"fields":          {"GET / HTTP/1.1\r\nHost: h\r\n" + strings.Repeat("X: y\r\n", len(long)/6) + "\r\n", 431},
		"no host":         {"GET / HTTP/1.1\r\n\r\n", 400},
		"two hosts":       {"GET / HTTP/1.1\r\nHost: h\r\nHost: i\r\n\r\n", 400},
		"two lengths":     {"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nxx", 400},
		"space in a name": {"GET / HTTP/1.1\r\nHost: h\r\nX : y\r\n\r\n", 400},
		"other encoding":  {"POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: gzip\r\n\r\n", 501},
	} {
		if code := send(t, edge.Addr(), tt.request); code != tt.want {
			t.Errorf("%s: %d, want %d", name, code, tt.want)
		}
	}
	if len(*asked) > 0 {
		t.Errorf("the origin was asked for %.20q", *asked)
	}
	fits := strings.Repeat("x", maxHeaderBytes-8<<10)
	for _, request := range []string{"GET /" + fits + " HTTP/1.1\r\nHost: h\r\n\r\n", "GET / HTTP/1.1\r\nHost: h\r\nX: " + fits + "\r\n\r\n"} {
		if code := send(t, edge.Addr(), request); code != http.StatusOK {
			t.Errorf("%.20q and so on: %d", request, code)
		}
	}
}

// send gives the status of the answer to what is sent.
func send(t *testing.T, address net.Addr, request string) int {
	t.Helper()
	conn, err := net.Dial("tcp", address.String())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	sent := make(chan struct{})
	go func() {
		defer close(sent)
		_, _ = io.WriteString(conn, request) // the server may close before the end
	}()
	res, err := http.ReadResponse(bufio.NewReader(conn), nil)
	_ = conn.Close()
	<-sent
	if err != nil {
		t.Fatalf("%.30q: %v", request, err)
	}
	_ = res.Body.Close()
	return res.StatusCode
}

// TestLimitOfAnAnswersHeader: an origin that never ends its header is given up.
func TestLimitOfAnAnswersHeader(t *testing.T) {
	t.Parallel()
	endless := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		for i := range 400 {
			w.Header().Set(fmt.Sprint("X-", i), strings.Repeat("x", 1<<10))
		}
	}))
	t.Cleanup(endless.Close)
	edge, _ := start(t, func(c *Config) { c.Origin, c.Control = endless.URL, []string{"http://127.0.0.1:1"} })
	if resp, body := get(t, "http://"+edge.Addr().String()+"/"); resp.StatusCode != http.StatusBadGateway {
		t.Errorf("%s %s", resp.Status, body)
	}
}
