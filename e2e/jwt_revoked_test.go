package e2e

import (
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"testing"
	"time"
)

// startPublic is an origin whose page may be stored although a token was asked for.
func startPublic(t *testing.T) string {
	t.Helper()
	public := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Cache-Control", "public, max-age=3600")
	}))
	t.Cleanup(public.Close)
	return public.URL
}

// TestRevokedTokens: each way to name a token is in force on the very next request,
// for a token that is remembered and a page that is stored, and ends when it is taken back.
func TestRevokedTokens(t *testing.T) {
	t.Parallel()
	control, i := startControl(t), startIssuer(t)
	e := startEdge(t, startPublic(t), control.url, i.flags("--jwt", "required")...)
	e.becomesReady()
	c := startCLI(t, control)
	token := i.token(claims{"jti": "token-1"})
	file := filepath.Join(t.TempDir(), "token")
	writeFile(t, file, token+"\n")
	other := i.token(claims{"jti": "token-2", "sub": "bob"})
	for _, name := range [][]string{{"--jti", "token-1"}, {"--subject", theSubject}, {"--token-file", file}} {
		isAnswered(t, "before", e.ask("/", bearer(token)), http.StatusOK)
		if a := e.ask("/", bearer(token)); !isHit(a) {
			t.Errorf("the page is not stored: %s", a)
		}
		c.run(exitDone, append([]string{"revoke"}, name...)...)
		e.reaches(control.status().GetHead())
		isUnauthorized(t, "revoked "+name[0], e.ask("/", bearer(token)), "token_revoked")
		isAnswered(t, "another token", e.ask("/", bearer(other)), http.StatusOK)
		c.run(exitDone, append([]string{"restore"}, name...)...)
		e.reaches(control.status().GetHead())
	}
	isAnswered(t, "restored", e.ask("/", bearer(token)), http.StatusOK)
	e.counts(`ringcast_edge_token_checks_total{outcome="verified"} 2`, "ringcast_edge_tokens_remembered 2",
		`ringcast_edge_requests_refused_total{error="token_revoked"} 3`)
	e.tellNothingOf("token-1", theSubject, token)
}

// TestRevokedSubject: all that was issued up to then, and what does not say when; not what
// is issued later.
func TestRevokedSubject(t *testing.T) {
	t.Parallel()
	control, i := startControl(t), startIssuer(t)
	e := startEdge(t, startMirror(t), control.url, i.flags("--jwt", "required")...)
	e.becomesReady()
	c := startCLI(t, control)
	c.run(exitDone, "revoke", "--subject", theSubject)
	e.reaches(1)
	var listed struct {
		Revocations []struct {
			IssuedBefore time.Time `json:"issued_before"`
		}
	}
	c.object(&listed, "revocations")
	if len(listed.Revocations) != 1 {
		t.Fatalf("revocations are %+v", listed)
	}
	last := listed.Revocations[0].IssuedBefore.Unix()
	for what, issued := range map[string]any{"long ago": last - 1000, "in that second": last, "does not say": nil} {
		isUnauthorized(t, what, e.ask("/", bearer(i.token(claims{"iat": issued}))), "token_revoked")
	}
	isAnswered(t, "a second later", e.ask("/", bearer(i.token(claims{"iat": last + 1}))), http.StatusOK)
	isAnswered(t, "another subject", e.ask("/", bearer(i.token(claims{"sub": "Ann@id.example"}))), http.StatusOK)
}

// TestRevokedWhereNothingIsVerified: an edge without keys refuses what claims to be a
// revoked token.
func TestRevokedWhereNothingIsVerified(t *testing.T) {
	t.Parallel()
	control, i := startControl(t), startIssuer(t)
	e := startEdge(t, startPublic(t), control.url)
	token := i.token(claims{"jti": "token-1"})
	e.reaches(0)
	isAnswered(t, "before", e.ask("/", bearer(token)), http.StatusOK)
	e.reaches(control.revoke("token-1"))
	isUnauthorized(t, "after", e.ask("/", bearer(token)), "token_revoked")
	isAnswered(t, "nobody", e.ask("/"), http.StatusOK)
}
