package e2e

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
)

// TestEdgeServesWithoutControlPlane: it enforces what it knows, says how old
// that is, and comes back with it after a restart.
func TestEdgeServesWithoutControlPlane(t *testing.T) {
	t.Parallel()
	origin, c := startOrigin(t), startControl(t)
	e := startEdge(t, origin.URL, c.url)
	e.reaches(c.ban("::1", "abuse"))
	c.kill()
	eventually(t, "the loss is noticed", func() error {
		if status := e.status(); status.Server != "" || status.Synced {
			return errors.New("the stream counts as open")
		}
		return nil
	})
	grows(t, e)
	if a := e.ready(); a.code != http.StatusOK {
		t.Errorf("without a control plane the edge is unready: %s", a)
	}
	enforces(t, e)

	e.kill()
	e.start(t)
	if a := e.ready(); a.code != http.StatusServiceUnavailable || !strings.Contains(a.body, "not yet level") {
		t.Errorf("right after a restart without a control plane: %s", a)
	}
	enforces(t, e)
	e.becomesReady()
	if uptime := e.status().Uptime; uptime < 5 {
		t.Errorf("ready without a control plane after %d s, want 5", uptime)
	}
	enforces(t, e)
}

// grows checks that status and readiness tell a growing age.
func grows(t *testing.T, e *edge) {
	t.Helper()
	before := e.status().Staleness
	if before == nil {
		t.Fatal("no staleness although the edge was level")
	}
	eventually(t, "staleness grows", func() error {
		if now := e.status().Staleness; now == nil || *now < *before+0.5 || *now < 0.5 {
			return errNotYet
		}
		return nil
	})
	if a := e.ready(); !strings.Contains(a.body, `"staleness_seconds":`) || strings.Contains(a.body, `"staleness_seconds":null`) {
		t.Errorf("readiness says no staleness: %s", a)
	}
}

func enforces(t *testing.T, e *edge) {
	t.Helper()
	if a := e.get6("/"); a.code != http.StatusForbidden {
		t.Errorf("banned: %s", a)
	}
	if a := e.get("/"); a.code != http.StatusOK {
		t.Errorf("allowed: %s", a)
	}
}

// TestEdgeThatKnowsNothingIsNeverReady, however long it waits.
func TestEdgeThatKnowsNothingIsNeverReady(t *testing.T) {
	t.Parallel()
	d := openDoor(t, "")
	e := startEdge(t, startOrigin(t).URL, d.url())
	eventually(t, "the time after which a restarted edge is ready has passed", func() error {
		if a := e.ready(); a.code != http.StatusServiceUnavailable {
			t.Fatalf("ready without ever having synced: %s", a)
		}
		if uptime := e.status().Uptime; uptime < 6 {
			return fmt.Errorf("up for %d s", uptime)
		}
		return nil
	})
	if a := must[answer](t)(get(e.admin + "/healthz")); a.code != http.StatusOK {
		t.Errorf("healthz: %s", a)
	}
	c := startControl(t)
	d.to(c.httpAddress())
	e.becomesReady()
}

// TestSeveralControlPlanes: the first is dead, the second has the stream, and
// when that is lost the third.
func TestSeveralControlPlanes(t *testing.T) {
	t.Parallel()
	c := startControl(t)
	dead, second, third := openDoor(t, ""), openDoor(t, c.httpAddress()), openDoor(t, c.httpAddress())
	e := startEdge(t, startOrigin(t).URL, dead.url(), "--control", second.url(), "--control", third.url())
	e.reaches(c.ban("192.0.2.1", ""))
	if got := e.status().Server; got != second.url() {
		t.Errorf("follows %s, want the second, %s", got, second.url())
	}
	second.shut()
	eventually(t, "the third is followed", func() error {
		if status := e.status(); status.Server != third.url() || !status.Synced {
			return fmt.Errorf("it is at %+v", status)
		}
		return nil
	})
	e.reaches(c.ban("192.0.2.2", ""))
	if resets := e.status().Resets; resets != 1 {
		t.Errorf("%d resets, want only the first: the other control plane has the same log", resets)
	}
}
