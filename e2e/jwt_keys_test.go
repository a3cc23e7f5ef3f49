package e2e

import (
	"net/http"
	"strings"
	"testing"
)

// TestKeysRotate: a token of a new key is good at once, and one of the old key no longer.
func TestKeysRotate(t *testing.T) {
	t.Parallel()
	i := startIssuer(t)
	e := startEdge(t, startMirror(t), startControl(t).url, i.flags("--jwt", "required")...)
	e.becomesReady()
	old := i.token(nil)
	isAnswered(t, "the first key", e.ask("/", bearer(old)), http.StatusOK)
	forged := i.rotate("key-1").token(nil) // not the key of that name that the edge has
	isUnauthorized(t, "another key of that name", e.ask("/", bearer(forged)), "token_invalid")
	i.rotate("key-2")
	isAnswered(t, "the new key", e.ask("/", bearer(i.token(nil))), http.StatusOK)
	isUnauthorized(t, "the old key, remembered", e.ask("/", bearer(old)), "token_invalid")
	e.counts("ringcast_edge_jwt_keys 1", `ringcast_edge_jwks_refreshes_total{result="changed"} 2`)
}

// TestKeysCannotBeHad: the last good ones stay, and what they do not answer is no fault of
// the client's.
func TestKeysCannotBeHad(t *testing.T) {
	t.Parallel()
	i := startIssuer(t)
	e := startEdge(t, startMirror(t), startControl(t).url, i.flags("--jwt", "required")...)
	e.becomesReady()
	i.setDown(true)
	known, unknown := i.token(nil), i.rotate("key-2").token(nil)
	isUnavailable(t, "a new key", e.ask("/", bearer(unknown)))
	if metrics := e.metrics(); strings.Contains(metrics, `ringcast_edge_jwks_refreshes_total{result="failed"} 0`) {
		t.Error("no fetch counts as failed")
	}
	isAnswered(t, "the last good key", e.ask("/", bearer(known)), http.StatusOK)
	isAnswered(t, "readiness", e.ready(), http.StatusOK)
}

// TestKeysNeverHad: nothing that needs them passes, the edge is unready, and both end by
// themselves.
func TestKeysNeverHad(t *testing.T) {
	t.Parallel()
	i := startIssuer(t)
	i.setDown(true)
	e := startEdge(t, startMirror(t), startControl(t).url, i.flags("--jwt", "optional")...)
	e.reaches(0)
	token := i.token(nil)
	isUnavailable(t, "a token", e.ask("/", bearer(token)))
	isAnswered(t, "no token", e.ask("/"), http.StatusOK)
	if a := e.ready(); a.code != http.StatusServiceUnavailable || !strings.Contains(a.body, "--jwt-jwks") {
		t.Errorf("readiness: %s", a)
	}
	i.setDown(false)
	e.becomesReady()
	isAnswered(t, "a token", e.ask("/", bearer(token)), http.StatusOK)
}

func isUnavailable(t *testing.T, what string, a answer) {
	t.Helper()
	isRefused(t, what, a, http.StatusServiceUnavailable, "keys_unavailable")
	if a.header.Get("Retry-After") == "" || a.header.Get("WWW-Authenticate") != "" {
		t.Errorf("%s: %v, want Retry-After and no challenge", what, a.header)
	}
}
