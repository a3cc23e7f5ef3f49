package server

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

// Each step is asked before the next: who is refused by one does not hear of those
// after it.
func TestOrderOfDecisions(t *testing.T) {
	t.Parallel()
	const (
		conflict = `{"error":"forwarded_conflict"}`
		isBanned = `{"error":"ip_banned","reason":"abuse"}`
		isStale  = `{"error":"stale"}`
		missing  = `{"error":"token_missing"}`
	)
	fresh := startGate(t, func(*Config) {})
	stale := startGate(t, func(c *Config) { c.OnStale, c.MaxStaleness = staleDeny, soon })
	if a := from(t, stranger, traffic(fresh)+"/", "Authorization", alice()); a.status != http.StatusOK {
		t.Fatalf("what is to be in the cache: %+v", a)
	}
	for _, row := range []struct {
		name, address, forwarded, token string
		fresh                           string
		stale                           string
	}{
		{"a conflict and a ban", banned, "for=" + stranger, "", conflict, conflict},
		{"a conflict and a token", stranger, "for=" + banned, alice(), conflict, conflict},
		{"a ban", banned, "", "", isBanned, isBanned},
		{"a ban and a token", banned, "", alice(), isBanned, isBanned},
		{"an allow entry within a ban", allowed, "", "", missing, isStale},
		{"an allow entry and a token", allowed, "", alice(), "", isStale},
		{"--allow within a ban", exempt, "", "", missing, isStale},
		{"--allow and a token", exempt, "", alice(), "", isStale},
		{"no token", stranger, "", "", missing, isStale},
		{"a token", stranger, "", alice(), "", isStale},
	} {
		for edge, want := range map[*Server]string{fresh: row.fresh, stale: row.stale} {
			a := from(t, row.address, traffic(edge)+"/", "Forwarded", row.forwarded, "Authorization", row.token)
			status := map[string]int{conflict: 400, isBanned: 403, isStale: 503, missing: 401}[want]
			if want != "" {
				a.refuses(t, row.name, status, want)
			} else if a.status != http.StatusOK || !strings.HasPrefix(a.header.Get("Cache-Status"), "ringcast; hit") {
				t.Errorf("%s: %+v", row.name, a)
			}
		}
	}
	for sample, want := range map[string]string{
		`ringcast_edge_requests_refused_total{error="forwarded_conflict"}`: "2",
		`ringcast_edge_requests_refused_total{error="ip_banned"}`:          "2",
		`ringcast_edge_requests_refused_total{error="stale"}`:              "6",
		`ringcast_edge_requests_passed_total`:                              "0",
	} {
		if got := metric(t, stale, sample); got != want {
			t.Errorf("%s is %s, want %s", sample, got, want)
		}
	}
	if got := metric(t, fresh, "ringcast_edge_requests_passed_total"); got != "4" {
		t.Errorf("%s passed", got)
	}
}

// Every 401 says how to come in, and nothing of the token.
func TestTokenRefusals(t *testing.T) {
	t.Parallel()
	edge := startGate(t, func(*Config) {})
	const invalid = `Bearer error="invalid_token", error_description="The token `
	for _, row := range []struct{ name, token, error, challenge string }{
		{"none", "", "token_missing", "Bearer"},
		{"another scheme", "Basic YTpi", "token_missing", "Bearer"},
		{"no JWT", "Bearer x", "token_invalid", invalid + `is not valid"`},
		{"another signature", alice() + "A", "token_invalid", invalid + `is not valid"`},
		{"expired", sign(-time.Hour, ""), "token_expired", invalid + `has expired"`},
		{"revoked by jti", sign(time.Hour, `,"jti":"lost"`), "token_revoked", invalid + `was revoked"`},
		{"revoked by subject", sign(time.Hour, `,"sub":"mallory"`), "token_revoked", invalid + `was revoked"`},
	} {
		for range 2 { // remembered or not
			a := from(t, stranger, traffic(edge)+"/", "Authorization", row.token)
			a.refuses(t, row.name, http.StatusUnauthorized, `{"error":"`+row.error+`"}`)
			if got := a.header.Get("WWW-Authenticate"); got != row.challenge {
				t.Errorf("%s: WWW-Authenticate: %s, want %s", row.name, got, row.challenge)
			}
		}
	}
}

// A revocation is in force on the next request, for a token that is remembered and
// for a response that is cached.
func TestRevocationOfARememberedToken(t *testing.T) {
	t.Parallel()
	site, _ := publicOrigin(t, nil)
	control, more := stream(t, firstSync)
	edge, _ := start(t, func(c *Config) {
		c.Origin, c.Control = site, []string{control}
		gatesOf(t, c)
	})
	waitFor(t, edge, 0)
	until(t, "the keys", edge.tokens.Ready)
	token := sign(time.Hour, `,"sub":"carol","jti":"c1"`)
	for range 2 {
		if a := from(t, stranger, traffic(edge)+"/", "Authorization", token); a.status != http.StatusOK {
			t.Fatalf("before: %+v", a)
		}
	}
	if got := metric(t, edge, `ringcast_edge_token_checks_total{outcome="remembered"}`); got != "1" {
		t.Errorf("%s were remembered", got)
	}
	more <- event(1, "token_revoked", `{"jti":"c1","reason":"","timestamp":1}`)
	waitFor(t, edge, 1)
	a := from(t, stranger, traffic(edge)+"/", "Authorization", token)
	a.refuses(t, "after", http.StatusUnauthorized, `{"error":"token_revoked"}`)
}

// That the keys cannot be had is not the client's fault: it may come back.
func TestKeysUnavailable(t *testing.T) {
	t.Parallel()
	down := httptest.NewServer(http.NotFoundHandler())
	t.Cleanup(down.Close)
	edge := startGateWithoutKeys(t, func(c *Config) { c.JWTSecretFile, c.JWTJWKS = "", down.URL })
	a := from(t, stranger, traffic(edge)+"/", "Authorization", unknownKey)
	a.refuses(t, "without keys", http.StatusServiceUnavailable, `{"error":"keys_unavailable"}`)
	if got := a.header.Get("Retry-After"); got != "5" || a.header.Get("WWW-Authenticate") != "" {
		t.Errorf("%v", a.header)
	}
	if code, status := ready(t, edge); code != http.StatusServiceUnavailable || !strings.Contains(status.Reason, "--jwt-jwks") {
		t.Errorf("%d %+v", code, status)
	}
}

// What a proxy says of the client, and what the token says, reaches the origin; what
// the client says of itself does not.
func TestWhatTheOriginHears(t *testing.T) {
	t.Parallel()
	heard := make(chan http.Header, 1)
	site, _ := publicOrigin(t, func(_ http.ResponseWriter, r *http.Request) { heard <- r.Header })
	edge := startGate(t, func(c *Config) { c.Origin, c.JWT, c.JWTIdentityHeader = site, "optional", "X-User" })
	for path, row := range map[string]struct{ token, user string }{
		"/anonymous": {"", ""},
		"/named":     {sign(time.Hour, `,"sub":"jörg 100%"`), "j%C3%B6rg%20100%25"},
	} {
		a := from(t, stranger, traffic(edge)+path, "Authorization", row.token, "X-User", "root", "X_User", "root", "X-Real-Ip", "6.6.6.6", "X-Forwarded-Proto", "https")
		if a.status != http.StatusOK {
			t.Fatalf("%s: %+v", path, a)
		}
		h := <-heard
		if got := h.Get("X-User"); got != row.user || underscored(h) || h["X-Real-Ip"] != nil {
			t.Errorf("%s: X-User is %q, want %q: %v", path, got, row.user, h)
		}
		if got := h.Get("X-Forwarded-For"); got != stranger+", 127.0.0.1" || h.Get("X-Forwarded-Proto") != "https" {
			t.Errorf("%s: X-Forwarded-For is %q: %v", path, got, h)
		}
	}
}

// underscored tells whether a name has what CGI takes for a hyphen.
func underscored(h http.Header) bool {
	for name := range h {
		if strings.Contains(name, "_") {
			return true
		}
	}
	return false
}

// --forwarded-header names the field that is believed; without --trusted-proxy none is.
func TestForwardedHeader(t *testing.T) {
	t.Parallel()
	for name, row := range map[string]struct {
		header  string
		trusted bool
		xff     int // status of a banned client by X-Forwarded-For
		forward int // and by Forwarded
	}{
		"auto":            {"auto", true, 403, 403},
		"x-forwarded-for": {"x-forwarded-for", true, 403, 200},
		"forwarded":       {"forwarded", true, 200, 403},
		"nobody trusted":  {"auto", false, 200, 200},
	} {
		edge := startGate(t, func(c *Config) {
			c.JWT, c.ForwardedHeader = "off", row.header
			if !row.trusted {
				c.TrustedProxy = nil
			}
		})
		if resp, _ := get(t, traffic(edge), "X-Forwarded-For", banned); resp.StatusCode != row.xff {
			t.Errorf("%s: X-Forwarded-For: %s", name, resp.Status)
		}
		if resp, _ := get(t, traffic(edge), "Forwarded", "for="+banned); resp.StatusCode != row.forward {
			t.Errorf("%s: Forwarded: %s", name, resp.Status)
		}
	}
}

// A body whose announced length is beyond the bound reaches no origin.
func TestMaxRequestBody(t *testing.T) {
	t.Parallel()
	site, asked := publicOrigin(t, nil)
	edge := startGate(t, func(c *Config) { c.Origin, c.JWT, c.MaxRequestBody = site, "off", 4 })
	for body, want := range map[string]int{"1234": http.StatusOK, "12345": http.StatusRequestEntityTooLarge} {
		resp, err := http.Post(traffic(edge)+"/", "text/plain", strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		if err := resp.Body.Close(); err != nil || resp.StatusCode != want {
			t.Errorf("%s: %s, %v", body, resp.Status, err)
		}
	}
	if n := asked.Load(); n != 1 {
		t.Errorf("the origin was asked %d times", n)
	}
}

// What a token has to be besides signed is told to the verifier.
func TestTokenFlags(t *testing.T) {
	t.Parallel()
	for name, row := range map[string]struct {
		change    func(*Config)
		good, bad string
	}{
		"--jwt-issuer":   {func(c *Config) { c.JWTIssuer = "https://id.example" }, sign(time.Hour, `,"iss":"https://id.example"`), sign(time.Hour, `,"iss":"https://evil.example"`)},
		"--jwt-audience": {func(c *Config) { c.JWTAudience = []string{"shop"} }, sign(time.Hour, `,"aud":["blog","shop"]`), sign(time.Hour, `,"aud":"blog"`)},
		"--jwt-leeway":   {func(c *Config) { c.JWTLeeway = 5 * time.Minute }, sign(-time.Minute, ""), sign(-time.Hour, "")},
	} {
		edge := startGate(t, row.change)
		if a := from(t, stranger, traffic(edge)+"/", "Authorization", row.good); a.status != http.StatusOK {
			t.Errorf("%s: a good token: %+v", name, a)
		}
		if a := from(t, stranger, traffic(edge)+"/", "Authorization", row.bad); a.status != http.StatusUnauthorized {
			t.Errorf("%s: a bad token: %+v", name, a)
		}
	}
}

// A token may come in the cookie that is named, and in no other.
func TestTokenInACookie(t *testing.T) {
	t.Parallel()
	edge := startGate(t, func(c *Config) { c.JWTCookie = "session" })
	raw := strings.TrimPrefix(alice(), "Bearer ")
	for cookie, want := range map[string]int{"session=" + raw: 200, "other=" + raw: 401} {
		if a := from(t, stranger, traffic(edge)+"/", "Cookie", cookie); a.status != want {
			t.Errorf("%.10s: %d %s, want %d", cookie, a.status, a.body, want)
		}
	}
}
