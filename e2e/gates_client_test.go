package e2e

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"testing"
)

// TestClientBehindTrustedProxy: the ban is of the client that the proxy names, and
// nobody evades his own or brings one on another.
func TestClientBehindTrustedProxy(t *testing.T) {
	t.Parallel()
	c := startControl(t)
	e := startEdgeBehind(t, startOrigin(t).URL, c.url)
	c.ban("203.0.113.7", "")
	e.reaches(c.ban("2001:db8:1:2::/64", ""))
	for _, banned := range [][]string{
		{from("203.0.113.7")},
		{from("::ffff:203.0.113.7")},
		{from("203.0.113.7:1234")},
		{from("198.51.100.1, 203.0.113.7")},
		{from("198.51.100.1"), from("203.0.113.7")},
		{from("203.0.113.7, 127.0.0.1")},
		{from("2001:db8:1:2::1")},
		{from("2001:db8:1:2:ffff::")},
		{"Forwarded: for=203.0.113.7;proto=https"},
		{"Forwarded: for=198.51.100.1, for=203.0.113.7"},
		{`Forwarded: for="[2001:db8:1:2::9]:443"`},
		{from("203.0.113.7"), "Forwarded: for=203.0.113.7"},
	} {
		isRefused(t, fmt.Sprint(banned), e.ask("/", banned...), http.StatusForbidden, bannedWithoutReason)
	}
	for _, allowed := range [][]string{
		{from("203.0.113.8")},
		{from("203.0.113.7, 203.0.113.8")},
		{from("203.0.113.7"), from("203.0.113.8")},
		{from("2001:db8:1:3::1")},
		{from("203.0.113.7, unknown")},
		{"Forwarded: for=203.0.113.7, for=203.0.113.8"},
		{"X-Real-IP: 203.0.113.7"},
		nil,
	} {
		isAnswered(t, fmt.Sprint(allowed), e.ask("/", allowed...), http.StatusOK)
	}
	isRefused(t, "two clients", e.ask("/", from("203.0.113.8"), "Forwarded: for=203.0.113.9"), http.StatusBadRequest, "forwarded_conflict")
	isRefused(t, "by [::1]", ask(t, client, e.url("::1", "/"), from("203.0.113.7")), http.StatusForbidden, bannedWithoutReason)
	e.tellNothingOf("203.0.113", "2001:db8", "198.51.100")
}

// TestClientWithoutTrustedProxy is the connection's address, whatever it says.
func TestClientWithoutTrustedProxy(t *testing.T) {
	t.Parallel()
	origin := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Cache-Control", "no-store")
		fmt.Fprint(w, r.Header["X-Forwarded-For"], r.Header["Forwarded"])
	}))
	t.Cleanup(origin.Close)
	c := startControl(t)
	e := startEdge(t, origin.URL, c.url)
	c.ban("203.0.113.7", "")
	e.reaches(c.ban("::1", "abuse"))
	for _, field := range []string{from("203.0.113.7"), "Forwarded: for=203.0.113.7", from("::1")} {
		if a := e.ask("/", field); a.code != http.StatusOK || a.body != "[127.0.0.1] []" {
			t.Errorf("%s: %s, want the connection's address alone at the origin", field, a)
		}
	}
	for _, field := range []string{from("203.0.113.8"), "Forwarded: for=203.0.113.8"} {
		isRefused(t, field, ask(t, client, e.url("::1", "/"), field), http.StatusForbidden, `{"error":"ip_banned","reason":"abuse"}`)
	}
}
