package e2e

import (
	"database/sql"
	"fmt"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
	_ "github.com/mattn/go-sqlite3" // reads the edge's file as anybody could

	ringcastv1 "github.com/ringcast/ringcast/gen/ringcast/v1"
)

// listBans reads all pages of that size, and checks that each but the last is
// full.
func listBans(t *testing.T, a api, size int32) []*ringcastv1.Ban {
	t.Helper()
	var all []*ringcastv1.Ban
	for token := ""; ; {
		page := must[*ringcastv1.ListBansResponse](t)(a.bans.ListBans(a.deadline(), &ringcastv1.ListBansRequest{PageSize: size, PageToken: token}))
		all = append(all, page.GetBans()...)
		if token = page.GetNextPageToken(); token == "" {
			return all
		}
		if len(page.GetBans()) != int(size) {
			t.Fatalf("a page of %d bans is not the last", len(page.GetBans()))
		}
	}
}

func listRevocations(t *testing.T, a api, size int32) []*ringcastv1.Revocation {
	t.Helper()
	var all []*ringcastv1.Revocation
	for token := ""; ; {
		page := must[*ringcastv1.ListRevocationsResponse](t)(a.tokens.ListRevocations(a.deadline(), &ringcastv1.ListRevocationsRequest{PageSize: size, PageToken: token}))
		all = append(all, page.GetRevocations()...)
		if token = page.GetNextPageToken(); token == "" {
			return all
		}
	}
}

// denial is what a row of the edge's file says; the key of the maps below is the
// prefix, or the kind and the name.
type denial struct {
	Origin       int
	Reason       string
	ExpiresAt    int64
	IssuedBefore int64
}

// logState is what the control plane lists.
func logState(t *testing.T, a api) map[string]denial {
	t.Helper()
	state := map[string]denial{}
	for _, ban := range listBans(t, a, 1000) {
		state["ban "+ban.GetIp()] = denial{Reason: ban.GetReason(), ExpiresAt: ban.GetExpiresAt().GetSeconds()}
	}
	for _, r := range listRevocations(t, a, 1000) {
		key := "jti " + r.GetJti()
		switch {
		case r.GetSubject() != "":
			key = "subject " + r.GetSubject()
		case r.GetTokenHash() != "":
			key = "hash " + r.GetTokenHash()
		}
		state[key] = denial{Reason: r.GetReason(), ExpiresAt: r.GetExpiresAt().GetSeconds(), IssuedBefore: r.GetIssuedBefore().GetSeconds()}
	}
	return state
}

// edgeState is what the edge's file has. The edge must be running.
func edgeState(t *testing.T, e *edge) map[string]denial {
	t.Helper()
	db := must[*sql.DB](t)(sql.Open("sqlite3", "file:"+filepath.Join(e.dir, "state.db")+"?mode=ro&_busy_timeout=5000"))
	defer db.Close()
	rows := must[*sql.Rows](t)(db.Query(`SELECT 'ban ' || prefix, origin, reason, expires_at, 0 FROM bans
		UNION ALL SELECT kind || ' ' || name, 0, reason, expires_at, issued_before FROM revocations`))
	defer rows.Close()
	state := map[string]denial{}
	for rows.Next() {
		var key string
		var d denial
		if err := rows.Scan(&key, &d.Origin, &d.Reason, &d.ExpiresAt, &d.IssuedBefore); err != nil {
			t.Fatal(err)
		}
		if other, twice := state[key]; twice {
			key = fmt.Sprintf("%s, also %v", key, other)
		}
		state[key] = d
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	return state
}

// sameState waits until the edge is level with the log, and compares. Nobody may
// be writing.
func sameState(t *testing.T, c *control, e *edge) {
	t.Helper()
	e.reaches(c.status().GetHead())
	if diff := cmp.Diff(logState(t, c.api), edgeState(t, e)); diff != "" {
		t.Errorf("the edge has another state than the log (-log +edge):\n%s", diff)
	}
	if got, want := e.status().Epoch, c.status().GetEpoch(); got != want {
		t.Errorf("the edge has epoch %s, the log %s", got, want)
	}
	sameIndex(t, c, e)
}

// sameIndex waits until the edge's index is built, and compares its size: what it
// lacks would not be enforced although it is in the file.
func sameIndex(t *testing.T, c *control, e *edge) {
	t.Helper()
	want := c.status()
	eventually(t, "the index of the edge is as large as the log's state", func() error {
		got := e.status()
		if uint64(got.Bans) != want.GetBans() || uint64(got.Revocations) != want.GetRevocations() {
			return fmt.Errorf("it has %d and %d, the log %v", got.Bans, got.Revocations, want)
		}
		return nil
	})
}
