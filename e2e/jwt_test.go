package e2e

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"
)

// startMirror is an origin that answers with who it was told the client is.
func startMirror(t *testing.T) string {
	t.Helper()
	mirror := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Cache-Control", "no-store")
		fmt.Fprintf(w, "%q", append(r.Header["X-User"], r.Header["X_user"]...))
	}))
	t.Cleanup(mirror.Close)
	return mirror.URL
}

// unsigned is a token by the algorithm none.
const unsigned = "eyJhbGciOiJub25lIn0.eyJzdWIiOiJhbm4ifQ."

// TestTokenModes: what each mode makes of each kind of token, by path.
func TestTokenModes(t *testing.T) {
	t.Parallel()
	i := startIssuer(t)
	e := startEdge(t, startMirror(t), startControl(t).url,
		i.flags("--jwt", "required", "--jwt-path", "/maybe=optional", "--jwt-path", "/open=off")...)
	e.becomesReady()
	now := time.Now().Unix()
	for _, tt := range []struct {
		what, field                string
		required, optional, nought string // the error, empty for none
	}{
		{"good", bearer(i.token(nil)), "", "", ""},
		{"none", "", "token_missing", "", ""},
		{"not bearer", "Authorization: Basic YTpi", "token_missing", "", ""},
		{"not a JWT", bearer("nonsense"), "token_invalid", "token_invalid", ""},
		{"unsigned", bearer(unsigned), "token_invalid", "token_invalid", ""},
		{"of another issuer", bearer(i.token(claims{"iss": "https://else.example"})), "token_invalid", "token_invalid", ""},
		{"for others", bearer(i.token(claims{"aud": "another-site"})), "token_invalid", "token_invalid", ""},
		{"not yet good", bearer(i.token(claims{"nbf": now + 3600})), "token_invalid", "token_invalid", ""},
		{"without end", bearer(i.token(claims{"exp": nil})), "token_invalid", "token_invalid", ""},
		{"expired", bearer(i.token(claims{"exp": now - 3600})), "token_expired", "token_expired", ""},
		{"expired within the leeway", bearer(i.token(claims{"exp": now - 5})), "", "", ""},
	} {
		for path, failure := range map[string]string{"/": tt.required, "/maybe/x": tt.optional, "/open": tt.nought} {
			var fields []string
			if tt.field != "" {
				fields = append(fields, tt.field)
			}
			a, what := e.ask(path, fields...), tt.what+" at "+path
			if failure == "" {
				isAnswered(t, what, a, http.StatusOK)
			} else {
				isUnauthorized(t, what, a, failure)
			}
		}
	}
	e.tellNothingOf("eyJ", "key-1", theSubject, theIssuer, theAudience)
}

// TestTokenInCookie: it counts as the one in the field, and two that differ are none.
func TestTokenInCookie(t *testing.T) {
	t.Parallel()
	i := startIssuer(t)
	e := startEdge(t, startMirror(t), startControl(t).url, i.flags("--jwt", "required", "--jwt-cookie", "session")...)
	e.becomesReady()
	token, other := i.token(nil), i.token(claims{"sub": "bob"})
	isAnswered(t, "cookie", e.ask("/", "Cookie: a=b; session="+token), http.StatusOK)
	isAnswered(t, "the same in both", e.ask("/", "Cookie: session="+token, bearer(token)), http.StatusOK)
	isUnauthorized(t, "another cookie", e.ask("/", "Cookie: sessions="+token), "token_missing")
	isUnauthorized(t, "field and cookie", e.ask("/", "Cookie: session="+token, bearer(other)), "token_invalid")
	isUnauthorized(t, "two cookies", e.ask("/", "Cookie: session="+token+"; session="+other), "token_invalid")
	isUnauthorized(t, "two fields", e.ask("/", bearer(token), bearer(other)), "token_invalid")
}

// TestIdentityReachesOrigin: the verified subject, and never what a client says.
func TestIdentityReachesOrigin(t *testing.T) {
	t.Parallel()
	i := startIssuer(t)
	e := startEdge(t, startMirror(t), startControl(t).url,
		i.flags("--jwt", "optional", "--jwt-path", "/open=off", "--jwt-identity-header", "X-User")...)
	e.becomesReady()
	for _, tt := range []struct {
		path, token, want string
	}{
		{"/", i.token(nil), `["` + theSubject + `"]`},
		{"/", i.token(claims{"sub": "ann b\u00e9"}), `["ann%20b%C3%A9"]`},
		{"/", i.token(claims{"sub": nil}), `[]`},
		{"/", "", `[]`},
		{"/open", i.token(nil), `[]`},
	} {
		fields := []string{"X-User: root", "x-user: root", "X_User: root"}
		if tt.token != "" {
			fields = append(fields, bearer(tt.token))
		}
		if a := e.ask(tt.path, fields...); a.code != http.StatusOK || a.body != tt.want {
			t.Errorf("%s with %q: %s, want %s", tt.path, tt.token, a, tt.want)
		}
	}
}
