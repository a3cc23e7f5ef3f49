package server

import (
	"bufio"
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/ringcast/ringcast/internal/config"
	"github.com/ringcast/ringcast/internal/wire"
)

// stream is a control plane that sends what it is given.
func stream(t *testing.T, frames ...string) (url string, more chan<- string) {
	t.Helper()
	return streamBeside(t, http.NotFound, frames...)
}

// streamBeside has an answer to other requests as well.
func streamBeside(t *testing.T, other http.HandlerFunc, frames ...string) (url string, more chan<- string) {
	t.Helper()
	queue := make(chan string, 16)
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !strings.HasSuffix(r.URL.Path, wire.EventsPath) {
			other(w, r)
			return
		}
		w.Header().Set("Content-Type", "text/event-stream")
		_, _ = io.WriteString(w, "event: connected\ndata: {\"epoch\":\"e1\",\"head\":\"0\",\"heartbeat_seconds\":15}\n\n")
		for _, f := range frames {
			_, _ = io.WriteString(w, f)
		}
		for {
			_ = http.NewResponseController(w).Flush()
			select {
			case f := <-queue:
				_, _ = io.WriteString(w, f)
			case <-r.Context().Done():
				return
			}
		}
	}))
	t.Cleanup(s.Close)
	return s.URL, queue
}

const firstSync = "event: reset\ndata: {}\n\nid: e1-0\nevent: position\ndata: {}\n\nevent: synced\ndata: {\"position\":\"0\"}\n\n"

func event(position int, kind, data string) string {
	return fmt.Sprintf("id: e1-%d\nevent: %s\ndata: %s\n\n", position, kind, data)
}

// start runs an edge; stop ends it and checks that it ended well.
func start(t *testing.T, change func(*Config)) (edge *Server, stop func()) {
	t.Helper()
	return startLogged(t, slog.New(slog.DiscardHandler), change)
}

func startLogged(t *testing.T, log *slog.Logger, change func(*Config)) (edge *Server, stop func()) {
	t.Helper()
	var cfg Config
	if err := config.SetDefaults(&cfg); err != nil {
		t.Fatal(err)
	}
	cfg.Listen, cfg.AdminListen, cfg.DataDir, cfg.NodeID = "127.0.0.1:0", "localhost:0", t.TempDir(), "edge"
	change(&cfg)
	edge, err := New(cfg, Deps{Logger: log, Version: "test"})
	if err != nil {
		t.Fatal(err)
	}
	if err := edge.Open(t.Context()); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- edge.Run(ctx) }()
	ended := false
	stop = func() {
		if ended {
			return
		}
		ended = true
		cancel()
		if err := <-done; err != nil {
			t.Errorf("run: %v", err)
		}
		for range 2 {
			if err := edge.Close(); err != nil {
				t.Errorf("close: %v", err)
			}
		}
	}
	t.Cleanup(stop)
	return edge, stop
}

func get(t *testing.T, url string, header ...string) (*http.Response, string) {
	t.Helper()
	return getAs(t, "", url, header...)
}

// getAs asks with another Host header than that of the URL, unless it is empty.
func getAs(t *testing.T, host, url string, header ...string) (*http.Response, string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Host = host
	for i := 0; i < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp, string(body)
}

// waitFor waits until an edge has a position in force.
func waitFor(t *testing.T, edge *Server, position uint64) {
	t.Helper()
	for deadline := time.Now().Add(20 * time.Second); edge.Status().Position < position || !edge.Status().Synced; {
		if time.Now().After(deadline) {
			t.Fatalf("never at %d: %+v", position, edge.Status())
		}
		<-time.After(time.Millisecond)
	}
}

func origin(t *testing.T) (url string, asked *[]string) {
	t.Helper()
	asked = new([]string)
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		*asked = append(*asked, r.URL.Path)
		w.Header().Set("Cache-Control", "max-age=60")
		_, _ = io.WriteString(w, "page")
	}))
	t.Cleanup(s.Close)
	return s.URL, asked
}

// A request is judged by its address, then by its token, and only then reaches
// the cache and the origin.
func TestGate(t *testing.T) {
	t.Parallel()
	site, asked := origin(t)
	control, more := stream(t, firstSync, event(1, "token_revoked", `{"jti":"bad","reason":"lost","timestamp":1}`))
	edge, _ := start(t, func(c *Config) { c.Origin, c.Control = site, []string{control} })
	waitFor(t, edge, 1)
	url := "http://" + edge.Addr().String() + "/"
	bearer := func(claims string) string {
		part := base64.RawURLEncoding.EncodeToString
		return "Bearer " + part([]byte(`{"alg":"none"}`)) + "." + part([]byte(claims)) + ".c2ln"
	}

	resp, body := get(t, url)
	if resp.StatusCode != http.StatusOK || body != "page" || !strings.HasPrefix(resp.Header.Get("Cache-Status"), "ringcast; fwd=") {
		t.Errorf("allowed: %s %s %v", resp.Status, body, resp.Header)
	}
	if resp, _ := get(t, url, "Authorization", bearer(`{"jti":"good"}`)); resp.StatusCode != http.StatusOK {
		t.Errorf("a good token: %s", resp.Status)
	}
	resp, body = get(t, url, "Authorization", bearer(`{"jti":"bad"}`))
	if resp.StatusCode != http.StatusUnauthorized || body != `{"error":"token_revoked"}` || !strings.HasPrefix(resp.Header.Get("WWW-Authenticate"), "Bearer ") {
		t.Errorf("a revoked token: %s %s %v", resp.Status, body, resp.Header)
	}

	before := len(*asked)
	more <- event(2, "ip_banned", `{"ip":"127.0.0.0/8","reason":"a \"test\"","timestamp":1}`)
	waitFor(t, edge, 2)
	resp, body = get(t, url, "Authorization", bearer(`{"jti":"bad"}`))
	if resp.StatusCode != http.StatusForbidden || body != `{"error":"ip_banned","reason":"a \"test\""}` || resp.Header.Get("Cache-Control") != "no-store" {
		t.Errorf("a banned address: %s %s %v", resp.Status, body, resp.Header)
	}
	if resp.Header.Get("Content-Type") != "application/json" {
		t.Errorf("Content-Type: %s", resp.Header.Get("Content-Type"))
	}
	if len(*asked) != before {
		t.Errorf("the origin was asked for a refused request")
	}
	more <- event(3, "ip_unbanned", `{"ip":"127.0.0.0/8","timestamp":1}`)
	waitFor(t, edge, 3)
	if resp, _ := get(t, url); resp.StatusCode != http.StatusOK {
		t.Errorf("after the unban: %s", resp.Status)
	}
	_, metrics := get(t, "http://"+edge.AdminAddr().String()+"/metrics")
	for _, want := range []string{
		`ringcast_edge_requests_refused_total{error="ip_banned"} 1`, `ringcast_edge_requests_refused_total{error="token_revoked"} 1`,
		"ringcast_edge_position 3", "ringcast_edge_requests_passed_total 3",
	} {
		if !strings.Contains(metrics, want+"\n") {
			t.Errorf("metrics lack %s", want)
		}
	}
}

// An edge is never ready before its first sync; after a restart it is ready
// without a control plane, once it has waited for one.
func TestReadiness(t *testing.T) {
	t.Parallel()
	site, _ := origin(t)
	dir := t.TempDir()
	change := func(control string) func(*Config) {
		return func(c *Config) { c.Origin, c.Control, c.DataDir = site, []string{control}, dir }
	}
	const nobody = "http://127.0.0.1:1"

	edge, stop := start(t, change(nobody))
	edge.started = edge.started.Add(-time.Hour)
	if code, status := ready(t, edge); code != http.StatusServiceUnavailable || status.Status != "unready" || status.Reason == "" {
		t.Errorf("never synced: %d %+v", code, status)
	}
	stop()

	control, more := stream(t, firstSync)
	edge, stop = start(t, change(control))
	waitFor(t, edge, 0)
	if code, status := ready(t, edge); code != http.StatusOK || status.StalenessSeconds == nil {
		t.Errorf("synced: %d %+v", code, status)
	}
	more <- event(1, "ip_banned", `{"ip":"not an address"}`)
	for deadline := time.Now().Add(20 * time.Second); edge.Status().Alarm == "" && time.Now().Before(deadline); {
		<-time.After(time.Millisecond)
	}
	if code, _ := ready(t, edge); code != http.StatusServiceUnavailable || edge.Status().Position != 0 {
		t.Errorf("with an alarm: %d %+v", code, edge.Status())
	}
	stop()

	edge, _ = start(t, change(nobody))
	if code, status := ready(t, edge); code != http.StatusServiceUnavailable {
		t.Errorf("just restarted: %d %+v", code, status)
	}
	edge.started = edge.started.Add(-readyWithout)
	if code, status := ready(t, edge); code != http.StatusOK || status.StalenessSeconds == nil {
		t.Errorf("restarted without a control plane: %d %+v", code, status)
	}
}

type readiness struct {
	Status           string   `json:"status"`
	Reason           string   `json:"reason"`
	StalenessSeconds *float64 `json:"staleness_seconds"`
}

func ready(t *testing.T, edge *Server) (int, readiness) {
	t.Helper()
	resp, body := get(t, "http://"+edge.AdminAddr().String()+"/readyz")
	var status readiness
	if err := json.Unmarshal([]byte(body), &status); err != nil {
		t.Fatalf("%s: %v", body, err)
	}
	return resp.StatusCode, status
}

func TestConfigRefused(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(*Config){
		"--origin":        func(c *Config) { c.Origin = "" },
		"ftp origin":      func(c *Config) { c.Origin = "ftp://x" },
		"--control":       func(c *Config) { c.Control = nil },
		"bad control":     func(c *Config) { c.Control = []string{"localhost:4000"} },
		"--node-id":       func(c *Config) { c.NodeID = "a b" },
		"--admin-listen":  func(c *Config) { c.AdminListen = ":5901" },
		"--cache-max-byt": func(c *Config) { c.CacheMaxBytes = -1 },
		"--cache-memory":  func(c *Config) { c.CacheMemory = -1 },
	} {
		var cfg Config
		if err := config.SetDefaults(&cfg); err != nil {
			t.Fatal(err)
		}
		cfg.Origin = "http://localhost:8080"
		if _, err := New(cfg, Deps{}); err != nil {
			t.Fatalf("the defaults are refused: %v", err)
		}
		change(&cfg)
		if _, err := New(cfg, Deps{}); err == nil {
			t.Errorf("%s: not refused", name)
		} else if strings.HasPrefix(name, "--") && !strings.Contains(err.Error(), name) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// The server must not answer in the gate's place.
func TestBannedClientGetsNothingElse(t *testing.T) {
	t.Parallel()
	control, _ := stream(t, firstSync, event(1, "ip_banned", `{"ip":"127.0.0.1","reason":"x","automatic":false,"timestamp":1}`))
	edge, _ := start(t, func(c *Config) { c.Origin, c.Control = "http://127.0.0.1:9", []string{control} })
	waitFor(t, edge, 1)
	for _, line := range []string{"OPTIONS * HTTP/1.1", "OPTIONS / HTTP/1.1", "GET * HTTP/1.1"} {
		conn, err := net.Dial("tcp", edge.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		if _, err := fmt.Fprintf(conn, "%s\r\nHost: h\r\n\r\n", line); err != nil {
			t.Fatal(err)
		}
		if status, _ := bufio.NewReader(conn).ReadString('\n'); !strings.Contains(status, " 403 ") {
			t.Errorf("%s: %q", line, status)
		}
	}
}
