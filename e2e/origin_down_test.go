package e2e

import (
	"net"
	"net/http"
	"strings"
	"testing"
)

// TestOriginThatDoesNotAnswer: with nothing usable in the cache the client is told
// so, in JSON, whether the origin refuses or lets one wait.
func TestOriginThatDoesNotAnswer(t *testing.T) {
	t.Parallel()
	c := startControl(t)
	refuses := must[net.Listener](t)(net.Listen("tcp", "127.0.0.1:0"))
	refuses.Close()
	// The shortest of the edge's times for an origin is that for a TLS handshake,
	// 5 s: the kernel takes the connection, and nobody ever says a word.
	silent := must[net.Listener](t)(net.Listen("tcp", "127.0.0.1:0"))
	t.Cleanup(func() { silent.Close() })
	for name, tt := range map[string]struct {
		origin string
		code   int
		body   string
	}{
		"refuses": {"http://" + refuses.Addr().String(), http.StatusBadGateway, `{"error":"origin_unreachable"}`},
		"silent":  {"https://" + silent.Addr().String(), http.StatusGatewayTimeout, `{"error":"origin_timeout"}`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			e := startEdge(t, tt.origin, c.url)
			a := e.get("/page")
			if a.code != tt.code || strings.TrimSpace(a.body) != tt.body || a.header.Get("Content-Type") != "application/json" {
				t.Errorf("got %s, %s", a, a.header)
			}
			if got := a.header.Get("Cache-Status"); got != "ringcast; fwd=uri-miss" {
				t.Errorf("Cache-Status is %q", got)
			}
		})
	}
}
