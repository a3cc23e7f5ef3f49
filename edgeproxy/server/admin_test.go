package server

import (
	"bytes"
	"encoding/json"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"testing"

	"github.com/ringcast/ringcast/internal/listen"
)

// The position is a string, as in events; what counts or measures is a number;
// nothing is left out before the first sync.
func TestStatusHasOneFormOfNumbers(t *testing.T) {
	t.Parallel()
	site, _ := origin(t)
	for name, control := range map[string]string{"synced": firstStream(t), "never synced": "http://127.0.0.1:1"} {
		edge, _ := start(t, func(c *Config) { c.Origin, c.Control = site, []string{control} })
		if name == "synced" {
			waitFor(t, edge, 7)
		}
		resp, body := get(t, "http://"+edge.AdminAddr().String()+"/status")
		if resp.StatusCode != http.StatusOK || resp.Header.Get("Content-Type") != "application/json" {
			t.Errorf("%s: %s %v", name, resp.Status, resp.Header)
		}
		var status map[string]any
		if err := json.Unmarshal([]byte(body), &status); err != nil {
			t.Fatalf("%s: %v", body, err)
		}
		position, epoch := any("7"), any("e1")
		if name != "synced" {
			position, epoch = "0", ""
		}
		if status["position"] != position || status["epoch"] != epoch {
			t.Errorf("%s: %s", name, body)
		}
		if _, known := status["staleness_seconds"].(float64); known != (name == "synced") {
			t.Errorf("%s: staleness_seconds is %v", name, status["staleness_seconds"])
		}
		for _, count := range []string{
			"bans", "revocations", "cached_urls", "fences", "cache_generation",
			"applied_events", "unknown_events", "resets", "streams_connected", "uptime_seconds",
		} {
			if _, ok := status[count].(float64); !ok {
				t.Errorf("%s: %s is %#v", name, count, status[count])
			}
		}
	}
}

// firstStream is a control plane whose log is at 7.
func firstStream(t *testing.T) string {
	t.Helper()
	url, _ := stream(t, "event: reset\ndata: {}\n\n", event(7, "position", "{}"), "event: synced\ndata: {\"position\":\"7\"}\n\n")
	return url
}

// On loopback a web page whose name was made to resolve to this machine reads
// nothing; a scraper or a probe that uses a pod's address does, where the
// listener may be reached from elsewhere.
func TestAdminHost(t *testing.T) {
	t.Parallel()
	site, _ := origin(t)
	for address, want := range map[string]map[string]int{
		"localhost:0": {"evil.example:5901": 421, "10.1.2.3:5901": 421, "localhost:5901": 200, "127.0.0.1": 200},
		"0.0.0.0:0":   {"10.1.2.3:5901": 200, "edge-7f.example": 200, "localhost": 200},
	} {
		edge, _ := start(t, func(c *Config) {
			c.Origin, c.Control, c.AdminListen, c.Insecure = site, []string{"http://127.0.0.1:1"}, address, true
		})
		_, port, err := net.SplitHostPort(edge.AdminAddr().String())
		if err != nil {
			t.Fatal(err)
		}
		for _, path := range []string{"/healthz", "/status", "/metrics"} {
			for host, status := range want {
				resp, body := getAs(t, host, "http://127.0.0.1:"+port+path)
				if resp.StatusCode != status {
					t.Errorf("on %s %s as %s: %s", address, path, host, resp.Status)
				}
				if status == 421 && !strings.HasPrefix(body, `{"error":"host_not_allowed","reason":"`) {
					t.Errorf("on %s %s as %s: %s", address, path, host, body)
				}
			}
		}
	}
}

// The edge's log names all addresses of localhost, which are two, not only the
// first.
func TestAllAddressesAreLogged(t *testing.T) {
	t.Parallel()
	site, _ := origin(t)
	var logs bytes.Buffer
	edge, stop := startLogged(t, slog.New(slog.NewTextHandler(&logs, nil)), func(c *Config) {
		c.Origin, c.Control, c.Listen = site, []string{"http://127.0.0.1:1"}, "localhost:0"
	})
	stop()
	for _, address := range append(listen.Addresses(edge.trafficListener), listen.Addresses(edge.adminListener)...) {
		if !strings.Contains(logs.String(), address) {
			t.Errorf("%s is not in %s", address, &logs)
		}
	}
}
