package token

import (
	"encoding/base64"
	"net/http"
	"slices"
	"strings"
	"testing"
)

// However a token's signature is spelled, the hash of the token that was revoked is
// among what is asked for, also where nothing is verified.
func TestSpellingsHaveTheRevokedHash(t *testing.T) {
	t.Parallel()
	const signed = "eyJhbGciOiJIUzI1NiJ9.eyJqdGkiOiJhIn0."
	signature := strings.Repeat("\xfb\xef", 16) // "++" and "--" in base64
	revoked := signed + base64.RawURLEncoding.EncodeToString([]byte(signature))
	last := revoked[len(revoked)-1]
	for name, raw := range map[string]string{
		"itself":       revoked,
		"padded":       revoked + "=",
		"alphabet":     signed + base64.StdEncoding.EncodeToString([]byte(signature)),
		"spare bits":   revoked[:len(revoked)-1] + string(last+1),
		"a line break": revoked[:len(revoked)-4] + "\n" + revoked[len(revoked)-4:],
	} {
		if raw == revoked && name != "itself" {
			t.Fatalf("%s is no other spelling", name)
		}
		if !slices.ContainsFunc(unverified(raw), func(c Claims) bool { return c.Hash == hash(revoked) }) {
			t.Errorf("%s: %+v", name, unverified(raw))
		}
	}
	other := signed + base64.RawURLEncoding.EncodeToString([]byte("another signature"))
	if slices.ContainsFunc(unverified(other), func(c Claims) bool { return c.Hash == hash(revoked) }) {
		t.Error("another token has its hash")
	}
}

func TestTwinOfAnECDSASignature(t *testing.T) {
	t.Parallel()
	raw := es256().sign(claimsOf())
	var twins []string
	for other := range spellings(raw) {
		twins = append(twins, other)
	}
	if len(twins) != 1 {
		t.Fatalf("%d other spellings", len(twins))
	}
	r := newRig(t, nil)
	r.want(t, twins[0], Passed) // it is a good signature, too
	verdict := newRig(t, func(c *Config) { c.Mode = "off" }).Check(t.Context(), Request{
		Path: "/", Header: http.Header{"Authorization": {"Bearer " + twins[0]}},
	})
	if !slices.ContainsFunc(verdict.Claims, func(c Claims) bool { return c.Hash == hash(raw) }) {
		t.Errorf("%+v", verdict)
	}
	for _, junk := range []string{"", ".", "a.b", "a.b.c.d", "a.b.!", strings.Repeat("a", maxToken) + ".b.c"} {
		for other := range spellings(junk) {
			t.Errorf("%.20q has the spelling %.20q", junk, other)
		}
	}
}
