package e2e

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"
)

// throughLoopback are the flags of an edge that believes what the tests say of
// their address.
var throughLoopback = []string{"--trusted-proxy", "127.0.0.1/32", "--trusted-proxy", "::1"}

// startEdgeBehind starts an edge behind a proxy, which is the test.
func startEdgeBehind(t *testing.T, origin, controlURL string, flags ...string) *edge {
	t.Helper()
	return startEdge(t, origin, controlURL, append(flags, throughLoopback...)...)
}

// from is the field by which a proxy says for whom it asks.
func from(address string) string { return "X-Forwarded-For: " + address }

// ask asks with fields, each "Name: value".
func (e *edge) ask(path string, fields ...string) answer {
	e.t.Helper()
	return ask(e.t, client, e.url("127.0.0.1", path), fields...)
}

func ask(t *testing.T, client *http.Client, url string, fields ...string) answer {
	t.Helper()
	req := must[*http.Request](t)(http.NewRequest(http.MethodGet, url, nil))
	for _, field := range fields {
		name, value, _ := strings.Cut(field, ": ")
		req.Header.Add(name, value)
	}
	return must[answer](t)(read(must[*http.Response](t)(client.Do(req))))
}

// isAnswered checks the code.
func isAnswered(t *testing.T, what string, a answer, code int) {
	t.Helper()
	if a.code != code {
		t.Errorf("%s: %s, want %d", what, a, code)
	}
}

// isRefused checks all of a refusal at the gate. The body is JSON, or an error without a
// reason.
func isRefused(t *testing.T, what string, a answer, code int, body string) {
	t.Helper()
	if !strings.HasPrefix(body, "{") {
		body = `{"error":"` + body + `"}`
	}
	if a.code != code || a.body != body || a.header.Get("Content-Type") != "application/json" || a.header.Get("Cache-Control") != "no-store" {
		t.Errorf("%s: %s %v, want %d %s", what, a, a.header, code, body)
	}
}

// The bodies of 403.
const (
	bannedWithoutReason = `{"error":"ip_banned","reason":""}`
	bannedAutomatically = `{"error":"ip_banned","reason":"too many failed requests"}`
)

// gateStatus is what GET /status tells of the gate.
type gateStatus struct {
	Stale    bool   `json:"stale"`
	Allows   int    `json:"allows"`
	Autobans uint64 `json:"autobans"`
}

func (e *edge) gate() (status gateStatus) {
	e.t.Helper()
	a := must[answer](e.t)(get(e.admin + "/status"))
	if err := json.Unmarshal([]byte(a.body), &status); err != nil {
		e.t.Fatalf("status of the edge: %s: %v", a, err)
	}
	return status
}

// tellNothingOf checks that metrics have none of the words: no address, no token.
func (e *edge) tellNothingOf(words ...string) {
	e.t.Helper()
	metrics := e.metrics()
	for _, word := range words {
		if strings.Contains(metrics, word) {
			e.t.Errorf("the metrics have %q in them", word)
		}
	}
	if !strings.Contains(metrics, "\nringcast_edge_requests_refused_total{") {
		e.t.Errorf("the metrics count no refusal:\n%s", metrics)
	}
}
