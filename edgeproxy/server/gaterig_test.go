package server

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// Addresses for tests. The test itself is on loopback, a trusted proxy.
const (
	stranger = "203.0.113.1"
	banned   = "198.51.100.1"
	allowed  = "198.51.100.7" // by the log, within a ban
	exempt   = "198.51.100.8" // by --allow, within the same ban
)

// gateEvents ban a prefix, make an exception, and revoke a token and a subject.
func gateEvents() []string {
	return []string{
		firstSync,
		event(1, "ip_banned", `{"ip":"198.51.100.0/24","reason":"abuse","automatic":false,"timestamp":1}`),
		event(2, "ip_allowed", `{"ip":"198.51.100.7","reason":"office","timestamp":1}`),
		event(3, "token_revoked", `{"jti":"lost","reason":"stolen","timestamp":1}`),
		event(4, "token_revoked", `{"subject":"mallory","reason":"","issued_before":1,"timestamp":1}`),
	}
}

const gateEventsEnd = 4

const gateSecret = "a secret of the tests, long enough for HS256"

// gatesOf gives an edge the settings of one behind a proxy that requires tokens.
func gatesOf(t *testing.T, c *Config) {
	t.Helper()
	loopback(c)
	c.Allow = []netip.Prefix{netip.MustParsePrefix(exempt + "/32")}
	c.JWT, c.JWTSecretFile = "required", filepath.Join(t.TempDir(), "secret")
	if err := os.WriteFile(c.JWTSecretFile, []byte(gateSecret), 0o600); err != nil {
		t.Fatal(err)
	}
}

// loopback makes the test a trusted proxy.
func loopback(c *Config) {
	c.TrustedProxy = []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8"), netip.MustParsePrefix("::1/128")}
}

// publicOrigin may be cached whoever asks, and counts the requests.
func publicOrigin(t *testing.T, handler http.HandlerFunc) (url string, asked *atomic.Int64) {
	t.Helper()
	asked = new(atomic.Int64)
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked.Add(1)
		w.Header().Set("Cache-Control", "public, max-age=60")
		if handler != nil {
			handler(w, r)
		}
	}))
	t.Cleanup(s.Close)
	return s.URL, asked
}

// startGate runs an edge with gateEvents in force, and its keys.
func startGate(t *testing.T, change func(*Config)) *Server {
	t.Helper()
	edge := startGateWithoutKeys(t, change)
	until(t, "the keys", edge.tokens.Ready)
	return edge
}

// startGateWithoutKeys does not wait for the keys.
func startGateWithoutKeys(t *testing.T, change func(*Config)) *Server {
	t.Helper()
	site, _ := publicOrigin(t, nil)
	control, cut := cuttable(t, gateEvents()...)
	edge, _ := start(t, func(c *Config) {
		c.Origin, c.Control = site, []string{control}
		gatesOf(t, c)
		change(c)
	})
	waitFor(t, edge, gateEventsEnd)
	if edge.MaxStaleness == soon {
		cut()
		until(t, "the stream's end", func() bool { return edge.follower.Status().Server == "" })
	}
	return edge
}

// soon is a bound that is passed at once; startGate cuts the stream for it, since an
// open one may be silent for longer.
const soon = time.Nanosecond

// cuttable is a control plane that sends what it is given, until it is cut off.
func cuttable(t *testing.T, frames ...string) (url string, cut func()) {
	t.Helper()
	ended := make(chan struct{})
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		select {
		case <-ended:
			w.WriteHeader(http.StatusServiceUnavailable)
			return
		default:
		}
		w.Header().Set("Content-Type", "text/event-stream")
		_, _ = io.WriteString(w, "event: connected\ndata: {\"epoch\":\"e1\",\"head\":\"0\",\"heartbeat_seconds\":15}\n\n"+strings.Join(frames, ""))
		_ = http.NewResponseController(w).Flush()
		select {
		case <-ended:
		case <-r.Context().Done():
		}
	}))
	t.Cleanup(s.Close)
	return s.URL, sync.OnceFunc(func() { close(ended) })
}

// sign gives an Authorization with these claims, and an exp so far from now.
func sign(life time.Duration, claims string) string {
	part := base64.RawURLEncoding.EncodeToString
	signed := part([]byte(`{"alg":"HS256"}`)) + "." + part(fmt.Appendf(nil, `{"exp":%d%s}`, time.Now().Add(life).Unix(), claims))
	mac := hmac.New(sha256.New, []byte(gateSecret))
	mac.Write([]byte(signed))
	return "Bearer " + signed + "." + part(mac.Sum(nil))
}

// alice is good.
func alice() string { return sign(time.Hour, `,"sub":"alice"`) }

// unknownKey is a token of ES256 by the key "a", to the year 2100, and not signed.
const unknownKey = "Bearer eyJhbGciOiJFUzI1NiIsImtpZCI6ImEifQ.eyJleHAiOjQxMDI0NDQ4MDB9.c2ln"

// until waits for a condition.
func until(t *testing.T, what string, condition func() bool) {
	t.Helper()
	for deadline := time.Now().Add(20 * time.Second); !condition(); {
		if time.Now().After(deadline) {
			t.Fatalf("never: %s", what)
		}
		<-time.After(time.Millisecond)
	}
}

// answer is what matters of one.
type answer struct {
	status int
	body   string
	header http.Header
}

// refuses compares a refusal with a status and a body.
func (a answer) refuses(t *testing.T, name string, status int, body string) {
	t.Helper()
	if a.status != status || a.body != body {
		t.Errorf("%s: %d %s, want %d %s", name, a.status, a.body, status, body)
	}
	if a.header.Get("Content-Type") != "application/json" || a.header.Get("Cache-Control") != "no-store" {
		t.Errorf("%s: %v", name, a.header)
	}
}

// from asks for a path as a proxy does for a client; fields are names and values in
// turn, and such without a value are not sent.
func from(t *testing.T, address, url string, fields ...string) answer {
	t.Helper()
	sent := []string{"X-Forwarded-For", address}
	for i := 0; i < len(fields); i += 2 {
		sent = append(sent, fields[i], fields[i+1])
	}
	for i := 0; i < len(sent); i += 2 {
		if sent[i+1] == "" {
			sent[i] = "X-Not-Sent"
		}
	}
	resp, body := get(t, url, sent...)
	return answer{resp.StatusCode, body, resp.Header}
}

func traffic(edge *Server) string { return "http://" + edge.Addr().String() }

func admin(edge *Server) string { return "http://" + edge.AdminAddr().String() }

// metric gives the value of a sample by its name and labels, "" where it is not there.
func metric(t *testing.T, edge *Server, sample string) string {
	t.Helper()
	_, text := get(t, admin(edge)+"/metrics")
	for line := range strings.Lines(text) {
		if value, ok := strings.CutPrefix(line, sample+" "); ok {
			return strings.TrimSpace(value)
		}
	}
	return ""
}
