package e2e

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"maps"
	"math/big"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"
)

// issuer signs tokens and publishes its keys. It can be down.
type issuer struct {
	*httptest.Server
	t *testing.T

	mu   sync.Mutex // guards what follows
	keys []signer
	down bool
}

// signer is a key for ES256.
type signer struct {
	kid     string
	private *ecdsa.PrivateKey
}

// claims are the payload of a token.
type claims map[string]any

// theIssuer and theAudience are what the edges of these tests ask for, theSubject is
// whose the tokens are unless they say otherwise.
const (
	theIssuer   = "https://id.example"
	theAudience = "the-site"
	theSubject  = "ann@id.example"
)

func startIssuer(t *testing.T) *issuer {
	t.Helper()
	i := &issuer{t: t}
	i.Server = httptest.NewServer(http.HandlerFunc(i.serve))
	t.Cleanup(i.Close)
	i.rotate("key-1")
	return i
}

// flags are those of an edge that takes its tokens.
func (i *issuer) flags(more ...string) []string {
	return append([]string{"--jwt-jwks", i.URL, "--jwt-issuer", theIssuer, "--jwt-audience", theAudience}, more...)
}

// rotate replaces the keys by a new one.
func (i *issuer) rotate(kid string) signer {
	s := signer{kid, must[*ecdsa.PrivateKey](i.t)(ecdsa.GenerateKey(elliptic.P256(), rand.Reader))}
	i.mu.Lock()
	defer i.mu.Unlock()
	i.keys = []signer{s}
	return s
}

func (i *issuer) setDown(down bool) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.down = down
}

func (i *issuer) serve(w http.ResponseWriter, _ *http.Request) {
	i.mu.Lock()
	defer i.mu.Unlock()
	if i.down {
		w.WriteHeader(http.StatusServiceUnavailable)
		return
	}
	var keys []string
	for _, s := range i.keys {
		keys = append(keys, s.jwk())
	}
	_, _ = fmt.Fprintf(w, `{"keys":[%s]}`, strings.Join(keys, ","))
}

// token is one that is good for an hour, with claims in place of the usual ones; nil
// leaves one out.
func (i *issuer) token(c claims) string {
	i.mu.Lock()
	defer i.mu.Unlock()
	return i.keys[0].token(c)
}

func (s signer) jwk() string {
	point, err := s.private.PublicKey.Bytes()
	if err != nil {
		panic(err)
	}
	return fmt.Sprintf(`{"kty":"EC","crv":"P-256","kid":%q,"x":%q,"y":%q}`, s.kid, base64url(point[1:33]), base64url(point[33:]))
}

func (s signer) token(c claims) string {
	now := time.Now().Unix()
	all := claims{"iss": theIssuer, "aud": theAudience, "sub": theSubject, "iat": now, "exp": now + 3600}
	maps.Copy(all, c)
	maps.DeleteFunc(all, func(_ string, value any) bool { return value == nil })
	payload, err := json.Marshal(all)
	if err != nil {
		panic(err)
	}
	signed := base64url(fmt.Appendf(nil, `{"alg":"ES256","typ":"JWT","kid":%q}`, s.kid)) + "." + base64url(payload)
	digest := sha256.Sum256([]byte(signed))
	r, v, err := ecdsa.Sign(rand.Reader, s.private, digest[:])
	if err != nil {
		panic(err)
	}
	return signed + "." + base64url(append(fill32(r), fill32(v)...))
}

func fill32(n *big.Int) []byte { return n.FillBytes(make([]byte, 32)) }

func base64url(data []byte) string { return base64.RawURLEncoding.EncodeToString(data) }

func bearer(token string) string { return "Authorization: Bearer " + token }

// isUnauthorized checks all of a 401.
func isUnauthorized(t *testing.T, what string, a answer, failure string) {
	t.Helper()
	isRefused(t, what, a, http.StatusUnauthorized, failure)
	challenge := "Bearer"
	if description, found := map[string]string{
		"token_invalid": "The token is not valid", "token_expired": "The token has expired", "token_revoked": "The token was revoked",
	}[failure]; found {
		challenge = `Bearer error="invalid_token", error_description="` + description + `"`
	}
	if got := a.header["Www-Authenticate"]; len(got) != 1 || got[0] != challenge {
		t.Errorf("%s: WWW-Authenticate is %q, want %q", what, got, challenge)
	}
}
