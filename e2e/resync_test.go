package e2e

import (
	"errors"
	"fmt"
	"net/http"
	"os"
	"testing"

	"golang.org/x/sync/errgroup"

	ringcastv1 "github.com/ringcast/ringcast/gen/ringcast/v1"
)

// startForgetfulControl starts one that forgets absences as soon as it may, and
// has no ring to speak of that would remember them.
func startForgetfulControl(t *testing.T) *control {
	t.Helper()
	return startControl(t, "--tombstone-retention=1s", "--ring-size=1")
}

// TestEdgeAwayPastTheHorizon: what was lifted while the edge was away, and then
// forgotten by the log, is lifted at the edge, too.
func TestEdgeAwayPastTheHorizon(t *testing.T) {
	t.Parallel()
	c := startForgetfulControl(t)
	e := startEdge(t, startOrigin(t).URL, c.url)
	c.ban("::1", "lifted while away")
	c.ban("127.0.0.1", "stays")
	e.reaches(c.revoke("lifted-while-away"))
	e.kill()
	must[*ringcastv1.RestoreTokenResponse](t)(c.tokens.RestoreToken(c.deadline(), &ringcastv1.RestoreTokenRequest{
		Of: &ringcastv1.RestoreTokenRequest_Jti{Jti: "lifted-while-away"},
	}))
	lifted := c.unban("::1")
	c.ban("192.0.2.1", "new")
	c.passHorizon(lifted)

	e.start(t)
	sameState(t, c, e)
	if resets := e.status().Resets; resets != 1 {
		t.Errorf("%d resets, want one: the log had forgotten what the edge needs", resets)
	}
	if a := e.get6("/"); a.code != http.StatusOK {
		t.Errorf("lifted: %s", a)
	}
	if a := e.get("/"); a.code != http.StatusForbidden {
		t.Errorf("still banned: %s", a)
	}
}

// TestResetCutInTheMiddle: until a reset is complete the old state is in force,
// whole, however often it is cut; then the new one is. There is no moment
// without bans.
func TestResetCutInTheMiddle(t *testing.T) {
	t.Parallel()
	c := startForgetfulControl(t)
	d := openDoor(t, c.httpAddress())
	e := startEdge(t, startOrigin(t).URL, d.url())
	c.ban("::1", "in both states")
	before := e.reaches(c.ban("127.0.0.1", "in the old state")).Position
	e.kill()
	c.ban("::1", "in both states, said again")
	lifted := c.unban("127.0.0.1")
	banMany(t, c.api, 2000)
	c.passHorizon(lifted)

	d.cutAfter(100_000) // of about 300,000
	e.start(t)
	watch4, watch6 := watchClient(t, e, "127.0.0.1"), watchClient(t, e, "::1")
	eventually(t, "two resets are cut", func() error {
		status := e.status()
		if status.Position != before || (status.Indexed && status.Bans != 2) {
			t.Fatalf("in the middle of a reset the edge has %+v", status)
		}
		if status.Resets < 2 {
			return fmt.Errorf("%d resets", status.Resets)
		}
		return nil
	})
	d.cutAfter(0)
	sameState(t, c, e)
	watch4.sees(http.StatusOK)
	watch6.sees(http.StatusForbidden)
	watch4.wants(http.StatusForbidden, http.StatusOK)
	watch6.wants(http.StatusForbidden)
}

// banMany bans n prefixes.
func banMany(t *testing.T, a api, n int) {
	t.Helper()
	var group errgroup.Group
	group.SetLimit(64)
	for i := range n {
		group.Go(func() error {
			_, err := a.bans.BanIP(a.deadline(), &ringcastv1.BanIPRequest{
				Ip: fmt.Sprintf("2001:db8:%x::/48", i), Reason: "one of many",
			})
			return err
		})
	}
	if err := group.Wait(); err != nil {
		t.Fatalf("ban many: %v", err)
	}
}

// TestLogWiped: another log is another epoch. Nothing of the old one survives,
// neither bans nor responses that were cached under it.
func TestLogWiped(t *testing.T) {
	t.Parallel()
	c := startControl(t)
	d := openDoor(t, c.httpAddress())
	e := startEdge(t, startOrigin(t).URL, d.url())
	for i := range 5 { // further than the new log will be
		c.ban(fmt.Sprintf("192.0.2.%d", i), "")
	}
	before := e.reaches(c.ban("::1", "of the old log"))
	cached := e.get("/page")
	if a := e.get("/page"); !isHit(a) {
		t.Fatalf("not cached: %s", a)
	}

	c.kill()
	if err := os.RemoveAll(c.dir); err != nil {
		t.Fatal(err)
	}
	c.start(t)
	c.ban("192.0.2.77", "of the new log")
	if a := e.get6("/"); a.code != http.StatusForbidden {
		t.Errorf("before the new log is known: %s", a)
	}
	d.to(c.httpAddress())
	eventually(t, "the edge follows the new log", func() error {
		if e.status().Epoch == before.Epoch {
			return errors.New("it has the old epoch")
		}
		return nil
	})
	sameState(t, c, e)
	if a := e.get6("/"); a.code != http.StatusOK {
		t.Errorf("banned in the old log alone: %s", a)
	}
	if a := e.get("/page"); isHit(a) || a.body == cached.body {
		t.Errorf("cached under the old log, served under the new one: %s", a)
	}
}
