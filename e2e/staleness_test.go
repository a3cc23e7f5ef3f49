package e2e

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
)

// TestStaleness: readiness, status, metrics and traffic agree on an edge that has not
// heard of the log for too long, and on one that has again.
func TestStaleness(t *testing.T) {
	t.Parallel()
	c, origin := startControl(t), startOrigin(t)
	d := openDoor(t, c.httpAddress())
	edges := map[string]*edge{}
	for _, what := range []string{"serve", "unready", "deny"} {
		edges[what] = startEdge(t, origin.URL, d.url(), "--max-staleness", "2s", "--on-stale", what)
		edges[what].reaches(c.ban("::1", ""))
	}
	c.kill()
	for what, e := range edges {
		becomesStale(t, e, true)
		ready, traffic := e.ready(), e.get("/")
		if unready := what != "serve"; unready != (ready.code == http.StatusServiceUnavailable) || unready != strings.Contains(ready.body, "--max-staleness") {
			t.Errorf("--on-stale %s: %s", what, ready)
		}
		if what == "deny" {
			isRefused(t, what, traffic, http.StatusServiceUnavailable, "stale")
			isRefused(t, what+", banned", e.get6("/"), http.StatusForbidden, bannedWithoutReason)
		} else {
			isAnswered(t, what, traffic, http.StatusOK)
		}
	}
	c.start(t)
	d.to(c.httpAddress())
	for what, e := range edges {
		becomesStale(t, e, false)
		e.becomesReady()
		eventually(t, what+" serves again", func() error {
			if a := e.get("/"); a.code != http.StatusOK {
				return fmt.Errorf("it answers %s", a)
			}
			return nil
		})
	}
}

// becomesStale waits until status and metrics say so, or no longer.
func becomesStale(t *testing.T, e *edge, stale bool) {
	t.Helper()
	gauge := "ringcast_edge_stale 0"
	if stale {
		gauge = "ringcast_edge_stale 1"
	}
	eventually(t, gauge, func() error {
		if e.gate().Stale != stale || !strings.Contains(e.metrics(), "\n"+gauge+"\n") {
			return fmt.Errorf("staleness is %v", e.status().Staleness)
		}
		return nil
	})
}
