package e2e

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"testing"
)

// startPartial is an origin that has "/" and nothing else.
func startPartial(t *testing.T) string {
	t.Helper()
	partial := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/" {
			w.WriteHeader(http.StatusNotFound)
		}
	}))
	t.Cleanup(partial.Close)
	return partial.URL
}

// failsAs makes as many failures as ban, each answered with code.
func (e *edge) failsAs(address, path string, code int) {
	e.t.Helper()
	for range 3 {
		isAnswered(e.t, "failure of "+address, e.ask(path, from(address)), code)
	}
}

// bansByItself waits until it refuses the address.
func (e *edge) bansByItself(address string) {
	e.t.Helper()
	eventually(e.t, address+" is banned", func() error {
		a := e.ask("/", from(address))
		if a.code != http.StatusForbidden {
			return fmt.Errorf("it gets %s", a)
		}
		isRefused(e.t, address, a, http.StatusForbidden, bannedAutomatically)
		return nil
	})
}

// TestAutobanWithoutControlPlane is in force at once, after a crash, and after a reset to
// a log that is new; an unban lifts it.
func TestAutobanWithoutControlPlane(t *testing.T) {
	t.Parallel()
	c, i := startControl(t), startIssuer(t)
	d := openDoor(t, c.httpAddress())
	e := startEdgeBehind(t, startPartial(t), d.url(), i.flags("--jwt", "required", "--autoban-failures", "3")...)
	e.becomesReady()
	d.shut()
	c.kill()
	e.failsAs("203.0.113.7", "/", http.StatusUnauthorized)
	e.bansByItself("203.0.113.7")
	isRefused(t, "with a good token", e.ask("/", from("203.0.113.7"), bearer(i.token(nil))), http.StatusForbidden, bannedAutomatically)
	isUnauthorized(t, "a neighbour", e.ask("/", from("203.0.113.8")), "token_missing")
	e.tellNothingOf("203.0.113")

	e.kill()
	e.start(t)
	isRefused(t, "after a restart", e.ask("/", from("203.0.113.7")), http.StatusForbidden, bannedAutomatically)
	wiped := startControl(t)
	epoch := wiped.status().GetEpoch()
	d.to(wiped.httpAddress())
	eventually(t, "the edge is reset", func() error {
		if status := e.status(); status.Epoch != epoch || !status.Synced {
			return fmt.Errorf("it is at %+v", status)
		}
		return nil
	})
	isRefused(t, "after a reset", e.ask("/", from("203.0.113.7")), http.StatusForbidden, bannedAutomatically)
	e.reaches(wiped.unban("203.0.113.7"))
	isUnauthorized(t, "after the unban", e.ask("/", from("203.0.113.7")), "token_missing")
}

// TestAutobanAcrossFleet: every edge refuses whom one has banned, the list names the ban
// as automatic, and an unban lifts it everywhere.
func TestAutobanAcrossFleet(t *testing.T) {
	t.Parallel()
	control, origin := startControl(t), startPartial(t)
	flags := []string{"--autoban-failures", "3", "--autoban-statuses", "404", "--autoban-scope", "fleet"}
	first, second := startEdgeBehind(t, origin, control.url, flags...), startEdgeBehind(t, origin, control.url, flags...)
	first.reaches(0)
	second.reaches(0)
	first.failsAs("203.0.113.7", "/missing", http.StatusNotFound)
	first.bansByItself("203.0.113.7")
	second.bansByItself("203.0.113.7")
	first.counts(`ringcast_edge_autobans_total{result="banned"} 1`, `ringcast_edge_autobans_total{result="reported"} 1`)
	c := startCLI(t, control)
	var listed struct {
		Bans []struct {
			IP        string
			Automatic bool
			ExpiresAt string `json:"expires_at"`
		}
	}
	c.object(&listed, "bans")
	if len(listed.Bans) != 1 || listed.Bans[0].IP != "203.0.113.7" || !listed.Bans[0].Automatic || listed.Bans[0].ExpiresAt == "" {
		t.Errorf("bans are %+v", listed.Bans)
	}
	c.says([]string{"bans"}, "203.0.113.7", "edge", "too many failed requests")

	c.run(exitDone, "unban", "203.0.113.7")
	for _, e := range []*edge{first, second} {
		e.reaches(control.status().GetHead())
		isAnswered(t, "unbanned", e.ask("/", from("203.0.113.7")), http.StatusOK)
		e.tellNothingOf("203.0.113")
	}
}

// TestAutobanByStatus counts the origin's answers. An IPv6 client is banned with its /64;
// allowed clients and the proxies are not banned.
func TestAutobanByStatus(t *testing.T) {
	t.Parallel()
	c := startControl(t)
	e := startEdgeBehind(t, startPartial(t), c.url,
		"--autoban-failures", "3", "--autoban-statuses", "404", "--allow", "203.0.113.1")
	startCLI(t, c).run(exitDone, "allow", "203.0.113.2")
	e.reaches(1)
	for n, allowed := range []string{"203.0.113.1", "203.0.113.2", "127.0.0.1"} {
		e.failsAs(allowed, "/missing", http.StatusNotFound)
		e.counts(fmt.Sprintf(`ringcast_edge_autobans_total{result="exempt"} %d`, n+1))
		isAnswered(t, allowed, e.ask("/", from(allowed)), http.StatusOK)
	}
	e.failsAs("2001:db8:1:2::1", "/missing", http.StatusNotFound)
	e.bansByItself("2001:db8:1:2::1")
	e.bansByItself("2001:db8:1:2:ffff::")
	isAnswered(t, "another /64", e.ask("/", from("2001:db8:1:3::1")), http.StatusOK)
	if got := e.gate().Autobans; got != 1 {
		t.Errorf("%d automatic bans, want 1", got)
	}
}
