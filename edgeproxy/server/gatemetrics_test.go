package server

import (
	"net/http"
	"slices"
	"strings"
	"testing"
)

// Every sample of the gates is there from the start, and none has a label that a
// client could choose.
func TestGateMetrics(t *testing.T) {
	t.Parallel()
	edge := startGate(t, func(c *Config) { c.AutobanFailures = 5 })
	want := map[string]string{
		"ringcast_edge_allows":            "2", // the log's and --allow
		"ringcast_edge_bans":              "1",
		"ringcast_edge_revocations":       "2",
		"ringcast_edge_stale":             "0",
		"ringcast_edge_tokens_remembered": "0",
		"ringcast_edge_jwt_keys":          "1",
		tracked:                           "0",
	}
	for _, outcome := range []string{
		"verified", "remembered", "anonymous", "unverified", "no_token", "ambiguous", "oversized", "malformed", "header", "algorithm",
		"unknown_key", "no_keys", "signature", "issuer", "audience", "no_expiry", "not_yet_valid", "expired",
	} {
		want[`ringcast_edge_token_checks_total{outcome="`+outcome+`"}`] = "0"
	}
	for _, result := range []string{"changed", "unchanged", "failed"} {
		want[`ringcast_edge_jwks_refreshes_total{result="`+result+`"}`] = "0"
	}
	for _, result := range []string{"banned", "exempt", "dropped", "reported", "report_dropped"} {
		want[`ringcast_edge_autobans_total{result="`+result+`"}`] = "0"
	}
	for sample, value := range want {
		if got := metric(t, edge, sample); got != value {
			t.Errorf("%s is %q, want %s", sample, got, value)
		}
	}

	for _, token := range []string{alice(), alice(), "Bearer secret-of-mine", ""} {
		from(t, stranger, traffic(edge)+"/path-of-mine", "Authorization", token)
	}
	for sample, value := range map[string]string{
		`ringcast_edge_token_checks_total{outcome="malformed"}`: "1", `ringcast_edge_token_checks_total{outcome="no_token"}`: "1",
		tracked: "1",
	} {
		if got := metric(t, edge, sample); got != value {
			t.Errorf("%s is %q, want %s", sample, got, value)
		}
	}
	_, text := get(t, admin(edge)+"/metrics")
	for line := range strings.Lines(text) {
		if chosen := []string{stranger, "alice", "of-mine"}; slices.ContainsFunc(chosen, func(s string) bool { return strings.Contains(line, s) }) {
			t.Errorf("a client chose %s", line)
		}
	}
}

// Fetches of the keys are counted by what came of them.
func TestKeyMetrics(t *testing.T) {
	t.Parallel()
	site, _ := publicOrigin(t, func(w http.ResponseWriter, _ *http.Request) {
		_, _ = w.Write([]byte(`{"keys":[{"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}]}`)) // RFC 8037, A.2
	})
	edge := startGate(t, func(c *Config) { c.JWTJWKS = site })
	until(t, "keys", func() bool { return metric(t, edge, `ringcast_edge_jwks_refreshes_total{result="changed"}`) == "1" })
	if got := metric(t, edge, "ringcast_edge_jwt_keys"); got != "2" {
		t.Errorf("%s keys", got)
	}
}
