package server

import (
	"errors"
	"log/slog"
	"net/http"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/ringcast/ringcast/edgeproxy/cache"
	"github.com/ringcast/ringcast/edgeproxy/deny"
	"github.com/ringcast/ringcast/edgeproxy/state"
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
		"serve, stale":     {staleServe, soon, true, 200, 200},
		"unready, fresh":   {staleUnready, time.Hour, false, 200, 200},
		"unready, stale":   {staleUnready, soon, true, 503, 200},
		"deny, fresh":      {staleDeny, time.Hour, false, 200, 200},
		"deny, stale":      {staleDeny, soon, true, 503, 503},
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

// An edge that never was in sync is stale, and one sync ends that.
func TestStaleFromTheStart(t *testing.T) {
	t.Parallel()
	site, _ := publicOrigin(t, nil)
	control, more := stream(t)
	edge, _ := start(t, func(c *Config) {
		c.Origin, c.Control, c.OnStale, c.MaxStaleness = site, []string{control}, staleDeny, time.Hour
	})
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

// A log that is listened to may be silent for as long as it said, however small the
// bound is: heartbeats do not come more often.
func TestOpenStreamMayBeSilent(t *testing.T) {
	t.Parallel()
	site, _ := publicOrigin(t, nil)
	control, _ := stream(t, firstSync)
	edge, _ := start(t, func(c *Config) {
		c.Origin, c.Control, c.OnStale, c.MaxStaleness = site, []string{control}, staleDeny, soon
	})
	waitFor(t, edge, 0)
	until(t, "the first sync", func() bool { return edge.follower.Status().Levelled })
	agree(t, "between heartbeats", edge, false)
}

// Where the clock was set back since the last run it is not known how stale the edge
// is, and so it counts as stale.
func TestVouchedInTheFuture(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	site, _ := publicOrigin(t, nil)
	control, _ := stream(t, firstSync)
	edge, stop := start(t, func(c *Config) { c.Origin, c.Control, c.DataDir = site, []string{control}, dir })
	waitFor(t, edge, 0)
	until(t, "the first sync", func() bool { return edge.follower.Status().Levelled })
	stop()
	s, err := state.Open(t.Context(), filepath.Join(dir, StateFile), slog.New(slog.DiscardHandler),
		deny.New(slog.New(slog.DiscardHandler), time.Now), cache.NewFences(time.Now))
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(s.SetVouched(t.Context(), time.Now().Add(24*time.Hour)), s.Close()); err != nil {
		t.Fatal(err)
	}
	edge, _ = start(t, func(c *Config) {
		c.Origin, c.Control, c.DataDir, c.OnStale, c.MaxStaleness = site, []string{"http://127.0.0.1:1"}, dir, staleDeny, time.Hour
	})
	agree(t, "after the clock was set back", edge, true)
	if status := edge.Status(); status.StalenessSeconds != nil {
		t.Errorf("staleness_seconds is %v", *status.StalenessSeconds)
	}
}
