package server

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"testing"
	"time"
)

// GET /check gives a proxy what the gate would give its client.
func TestCheck(t *testing.T) {
	t.Parallel()
	edge := startGate(t, func(*Config) {})
	for _, row := range []struct {
		name, address, token string
		forwarded            string
		status               int
		body                 string
		challenge            string
	}{
		{"good", stranger, alice(), "", 204, "", ""},
		{"allowed", allowed, alice(), "", 204, "", ""},
		{"banned", banned, alice(), "", 403, `{"error":"ip_banned","reason":"abuse"}`, ""},
		{"no token", stranger, "", "", 401, `{"error":"token_missing"}`, "Bearer"},
		{"a bad token", stranger, "Bearer x", "", 401, `{"error":"token_invalid"}`, `Bearer error="invalid_token", error_description="The token is not valid"`},
		{"an old token", stranger, sign(-time.Hour, ""), "", 401, `{"error":"token_expired"}`, `Bearer error="invalid_token", error_description="The token has expired"`},
		{"a revoked token", stranger, sign(time.Hour, `,"jti":"lost"`), "", 401, `{"error":"token_revoked"}`, `Bearer error="invalid_token", error_description="The token was revoked"`},
		{"two clients", stranger, alice(), "for=" + banned, 400, `{"error":"forwarded_conflict"}`, ""},
		{"nobody named", "", alice(), "", 400, `{"error":"client_unknown"}`, ""},
		{"a proxy named", "127.0.0.9", alice(), "", 400, `{"error":"client_unknown"}`, ""},
		{"no address", "unknown", alice(), "", 400, `{"error":"client_unknown"}`, ""},
	} {
		a := from(t, row.address, admin(edge)+"/check", "Authorization", row.token, "Forwarded", row.forwarded, "X-Original-URI", "/")
		if row.status != http.StatusNoContent {
			a.refuses(t, row.name, row.status, row.body)
		} else if a.status != row.status || a.body != "" || a.header.Get("Cache-Control") != "no-store" {
			t.Errorf("%s: %+v", row.name, a)
		}
		if got := a.header.Get("WWW-Authenticate"); got != row.challenge {
			t.Errorf("%s: WWW-Authenticate: %s, want %s", row.name, got, row.challenge)
		}
	}
	for sample, want := range map[string]string{
		`ringcast_edge_requests_passed_total`:                            "2",
		`ringcast_edge_requests_refused_total{error="client_unknown"}`:   "3",
		`ringcast_edge_requests_refused_total{error="ip_banned"}`:        "1",
		`ringcast_edge_requests_refused_total{error="token_missing"}`:    "1",
		`ringcast_edge_token_checks_total{outcome="expired"}`:            "1",
		`ringcast_edge_requests_refused_total{error="token_revoked"}`:    "1",
		`ringcast_edge_requests_refused_total{error="peer_not_trusted"}`: "",
	} {
		if got := metric(t, edge, sample); got != want {
			t.Errorf("%s is %s, want %s", sample, got, want)
		}
	}
}

// Who is no trusted proxy learns nothing, not even whether it would be let in.
func TestCheckByAStranger(t *testing.T) {
	t.Parallel()
	for name, trusted := range map[string][]netip.Prefix{
		"nobody is trusted":  nil,
		"another is trusted": {netip.MustParsePrefix("192.0.2.1/32")},
	} {
		edge := startGate(t, func(c *Config) { c.TrustedProxy = trusted })
		for _, address := range []string{stranger, banned, ""} {
			a := from(t, address, admin(edge)+"/check", "Authorization", alice())
			a.refuses(t, name, http.StatusBadRequest, `{"error":"peer_not_trusted"}`)
		}
		if got := metric(t, edge, `ringcast_edge_requests_refused_total{error="peer_not_trusted"}`); got != "3" {
			t.Errorf("%s: %s were counted", name, got)
		}
	}
}

// A stale edge and one without keys say so to proxies as they do to clients: it is no
// 401 or 403, which would be an answer about the client.
func TestCheckWithoutKnowledge(t *testing.T) {
	t.Parallel()
	stale := startGate(t, func(c *Config) { c.OnStale, c.MaxStaleness = staleDeny, soon })
	a := from(t, stranger, admin(stale)+"/check", "Authorization", alice())
	a.refuses(t, "stale", http.StatusServiceUnavailable, `{"error":"stale"}`)

	down := httptest.NewServer(http.NotFoundHandler())
	t.Cleanup(down.Close)
	keyless := startGateWithoutKeys(t, func(c *Config) { c.JWTSecretFile, c.JWTJWKS = "", down.URL })
	a = from(t, stranger, admin(keyless)+"/check", "Authorization", unknownKey)
	a.refuses(t, "keyless", http.StatusServiceUnavailable, `{"error":"keys_unavailable"}`)
	if got := a.header.Get("Retry-After"); got != "5" {
		t.Errorf("Retry-After: %q", got)
	}
}

// The path that the proxy was asked for decides on the mode. Where it is not known,
// or not in one way, the strictest of all counts.
func TestCheckOfPaths(t *testing.T) {
	t.Parallel()
	edge := startGate(t, func(c *Config) { c.JWT, c.JWTPath = "off", []string{"/private=required", "/shop=optional"} })
	const bad = "Bearer x"
	for _, row := range []struct {
		uri, token string
		want       int
	}{
		{"/", "", 204},
		{"/", bad, 204},
		{"/public?to=/private", "", 204},
		{"/privateer", "", 204},
		{"/shop/1", "", 204},
		{"/shop/1?q", bad, 401},
		{"/private", "", 401},
		{"/private/x?y", "", 401},
		{"/private", alice(), 204},
		{"/public/../private", "", 401},
		{"/%70rivate", "", 401},
		{"//private", "", 401},
		{"http://h.example/private", "", 401},
		{"http://h.example/public", "", 204},
		{"", "", 401}, // not sent
		{"", alice(), 204},
		{"private", "", 401},
		{"*", "", 401},
		{"/%zz", "", 401},
		{"/a%00b", "", 401},
	} {
		a := from(t, stranger, admin(edge)+"/check", "X-Original-URI", row.uri, "Authorization", row.token)
		if a.status != row.want {
			t.Errorf("%q with %q: %d %s, want %d", row.uri, row.token, a.status, a.body, row.want)
		}
	}

	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, admin(edge)+"/check", nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header = http.Header{"X-Forwarded-For": {stranger}, "X-Original-Uri": {"/public", "/public"}}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	if err := resp.Body.Close(); err != nil || resp.StatusCode != http.StatusUnauthorized {
		t.Errorf("two paths: %s, %v", resp.Status, err)
	}
}

// The answer tells the proxy who was identified, in the form in which an origin is
// told, and never what the client says of itself.
func TestCheckTellsIdentity(t *testing.T) {
	t.Parallel()
	edge := startGate(t, func(c *Config) { c.JWT, c.JWTIdentityHeader = "optional", "X-User" })
	for name, row := range map[string]struct{ token, want string }{
		"alice":      {alice(), "[alice]"},
		"jörg":       {sign(time.Hour, `,"sub":"jörg 100%"`), "[j%C3%B6rg%20100%25]"},
		"no subject": {sign(time.Hour, ""), "[]"},
		"anonymous":  {"", "[]"},
	} {
		a := from(t, stranger, admin(edge)+"/check", "Authorization", row.token, "X-User", "root", "X-Original-URI", "/")
		if got := fmt.Sprint(a.header["X-User"]); a.status != http.StatusNoContent || got != row.want {
			t.Errorf("%s: %d, X-User is %s, want %s", name, a.status, got, row.want)
		}
	}
	a := from(t, banned, admin(edge)+"/check", "Authorization", alice(), "X-Original-URI", "/")
	if a.status != http.StatusForbidden || a.header["X-User"] != nil {
		t.Errorf("a refusal: %+v", a)
	}
}

// It is asked by GET, as nginx does.
func TestCheckByPost(t *testing.T) {
	t.Parallel()
	edge := startGate(t, func(*Config) {})
	resp, err := http.Post(admin(edge)+"/check", "text/plain", nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := resp.Body.Close(); err != nil || resp.StatusCode != http.StatusMethodNotAllowed {
		t.Errorf("%s, %v", resp.Status, err)
	}
}
