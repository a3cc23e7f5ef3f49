package server

import (
	"net/http"
	"strings"
	"testing"
	"time"
)

// What --on-stale says is what clients and balancers see, and readiness, status,
// metrics and gate agree on whether the edge is stale.
func TestStaleness(t *testing.T) {
	t.Parallel()
	for name, row := range map[string]struct {
		onStale string
		bound   time.Duration
		stale   bool
		ready   int
		answer  int
	}{
		"no bound":         {staleServe, 0, false, 200, 200},
		"serve, fresh":     {staleServe, time.Hour, false, 200, 200},
		"serve, stale":     {staleServe, time.Nanosecond, true, 200, 200},
		"unready, fresh":   {staleUnready, time.Hour, false, 200, 200},
		"unready, stale":   {staleUnready, time.Nanosecond, true, 503, 200},
		"deny, fresh":      {staleDeny, time.Hour, false, 200, 200},
		"deny, stale":      {staleDeny, time.Nanosecond, true, 503, 503},
		"deny, just fresh": {staleDeny, time.Minute, false, 200, 200},
	} {
		edge := startGate(t, func(c *Config) { c.JWT, c.OnStale, c.MaxStaleness = "off", row.onStale, row.bound })
		agree(t, name, edge, row.stale)
		if code, status := ready(t, edge); code != row.ready || strings.Contains(status.Reason, "--max-staleness") != (row.ready == 503) {
			t.Errorf("%s: readiness is %d %+v", name, code, status)
		}
		a := from(t, stranger, traffic(edge)+"/")
		if row.answer == http.StatusServiceUnavailable {
			a.refuses(t, name, row.answer, `{"error":"stale"}`)
		} else if a.status != row.answer {
			t.Errorf("%s: %+v", name, a)
		}
	}
}

// agree checks that status and metrics say the same.
func agree(t *testing.T, name string, edge *Server, stale bool) {
	t.Helper()
	want := map[bool]string{false: "0", true: "1"}[stale]
	if got := metric(t, edge, "ringcast_edge_stale"); got != want || edge.Status().Stale != stale {
		t.Errorf("%s: the metric is %s, the status %v, want %v", name, got, edge.Status().Stale, stale)
	}
}

// An edge that never was in sync counts from its start, and one sync ends that.
func TestStaleFromTheStart(t *testing.T) {
	t.Parallel()
	site, _ := publicOrigin(t, nil)
	control, more := stream(t)
	edge, _ := start(t, func(c *Config) {
		c.Origin, c.Control, c.OnStale, c.MaxStaleness = site, []string{control}, staleDeny, time.Hour
	})
	agree(t, "just started", edge, false)
	if resp, body := get(t, traffic(edge)); resp.StatusCode != http.StatusOK {
		t.Errorf("just started: %s %s", resp.Status, body)
	}
	edge.started = edge.started.Add(-2 * time.Hour)
	agree(t, "never heard of anything", edge, true)
	if resp, body := get(t, traffic(edge)); body != `{"error":"stale"}` {
		t.Errorf("never heard of anything: %s %s", resp.Status, body)
	}
	more <- firstSync
	waitFor(t, edge, 0)
	agree(t, "in sync", edge, false)
	if code, status := ready(t, edge); code != http.StatusOK {
		t.Errorf("in sync: %d %+v", code, status)
	}
	if resp, body := get(t, traffic(edge)); resp.StatusCode != http.StatusOK {
		t.Errorf("in sync: %s %s", resp.Status, body)
	}
}
