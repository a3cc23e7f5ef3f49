package e2e

import (
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"
)

// TestAllowEntryWins over wider and equal bans at every edge, and the bans are back
// without it.
func TestAllowEntryWins(t *testing.T) {
	t.Parallel()
	control, origin := startControl(t), startOrigin(t)
	edges := []*edge{startEdgeBehind(t, origin.URL, control.url), startEdgeBehind(t, origin.URL, control.url)}
	c := startCLI(t, control)
	c.run(exitDone, "ban", "203.0.113.0/24", "203.0.113.7")
	sees := func(code int) {
		t.Helper()
		for _, e := range edges {
			e.reaches(control.status().GetHead())
			isAnswered(t, "203.0.113.7", e.ask("/", from("203.0.113.7")), code)
			isAnswered(t, "203.0.113.8", e.ask("/", from("203.0.113.8")), http.StatusForbidden)
		}
	}
	sees(http.StatusForbidden)
	c.run(exitDone, "allow", "203.0.113.7")
	sees(http.StatusOK)

	head := control.status().GetHead()
	if got := c.run(exitError, "ban", "203.0.113.7"); !strings.Contains(got.err, "ADDRESS_ALLOWED") || control.status().GetHead() != head {
		t.Errorf("ban of an allowed address moves %d to %d and says %s", head, control.status().GetHead(), got.err)
	}
	c.run(exitDone, "ban", "203.0.113.7", "--override", "--reason", "waits")
	sees(http.StatusOK)
	if got := edges[0].gate().Allows; got != 1 {
		t.Errorf("the edge has %d allow entries, want 1", got)
	}
	c.run(exitDone, "unallow", "203.0.113.7")
	sees(http.StatusForbidden)
	isRefused(t, "in the end", edges[0].ask("/", from("203.0.113.7")), http.StatusForbidden, `{"error":"ip_banned","reason":"waits"}`)
}

// TestAllowFlag is an edge's own entry: the control plane knows nothing of it.
func TestAllowFlag(t *testing.T) {
	t.Parallel()
	c, origin := startControl(t), startOrigin(t)
	e := startEdgeBehind(t, origin.URL, c.url, "--allow", "203.0.113.0/28", "--allow", "2001:db8::1")
	c.ban("203.0.113.7", "")
	c.ban("203.0.113.16", "")
	e.reaches(c.ban("2001:db8::/64", ""))
	for address, code := range map[string]int{
		"203.0.113.7": http.StatusOK, "203.0.113.16": http.StatusForbidden,
		"2001:db8::1": http.StatusOK, "2001:db8::2": http.StatusForbidden,
	} {
		isAnswered(t, address, e.ask("/", from(address)), code)
	}
}

// TestAllowEntryEnds by the edge's own clock, to the second.
func TestAllowEntryEnds(t *testing.T) {
	t.Parallel()
	control := startControl(t)
	e := startEdgeBehind(t, startOrigin(t).URL, control.url)
	control.ban("203.0.113.7", "")
	c := startCLI(t, control)
	c.run(exitDone, "allow", "203.0.113.7", "--ttl", "2s")
	var listed struct {
		Allows []struct {
			ExpiresAt time.Time `json:"expires_at"`
		}
	}
	c.object(&listed, "allows")
	if len(listed.Allows) != 1 {
		t.Fatalf("allow entries are %+v", listed)
	}
	ends := listed.Allows[0].ExpiresAt
	e.reaches(2)
	control.kill()
	eventually(t, "the entry has ended", func() error {
		began := time.Now()
		a := e.ask("/", from("203.0.113.7"))
		switch {
		case time.Now().Before(ends):
			isAnswered(t, "before the end", a, http.StatusOK)
		case !began.Before(ends):
			isRefused(t, "after the end", a, http.StatusForbidden, bannedWithoutReason)
			return nil
		}
		return errors.New("it has not")
	})
}
