package token

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/lestrrat-go/jwx/v3/jwk"
	"github.com/lestrrat-go/jwx/v3/jws/jwsbb"
)

// start is when the tests begin, in Unix seconds.
const start = 1_800_000_000

// sharedSecret is that of the HMAC algorithms, long enough for each.
const sharedSecret = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

// signer is an issuer's key.
type signer struct {
	alg, kid string
	private  any
}

var (
	es256 = sync.OnceValue(func() signer { return signer{"ES256", "es256", newEC(elliptic.P256())} })
	es384 = sync.OnceValue(func() signer { return signer{"ES384", "es384", newEC(elliptic.P384())} })
	es512 = sync.OnceValue(func() signer { return signer{"ES512", "es512", newEC(elliptic.P521())} })
	rs256 = sync.OnceValue(func() signer { return signer{"RS256", "rsa", newRSA()} })
	eddsa = sync.OnceValue(func() signer { return signer{"EdDSA", "ed", newEd()} })
	hs256 = sync.OnceValue(func() signer { return signer{"HS256", "", []byte(sharedSecret)} })
)

func newEC(curve elliptic.Curve) *ecdsa.PrivateKey {
	private, err := ecdsa.GenerateKey(curve, rand.Reader)
	if err != nil {
		panic(err)
	}
	return private
}

func newRSA() *rsa.PrivateKey {
	private, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		panic(err)
	}
	return private
}

func newEd() ed25519.PrivateKey {
	_, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		panic(err)
	}
	return private
}

func part(text string) string { return base64.RawURLEncoding.EncodeToString([]byte(text)) }

// header is the usual one.
func (s signer) header() string {
	if s.kid == "" {
		return fmt.Sprintf(`{"alg":%q,"typ":"JWT"}`, s.alg)
	}
	return fmt.Sprintf(`{"alg":%q,"typ":"JWT","kid":%q}`, s.alg, s.kid)
}

// sign makes a token of a payload with the usual header, signJWS one of any header.
func (s signer) sign(payload string) string { return s.signJWS(s.header(), payload) }

func (s signer) signJWS(header, payload string) string {
	signed := part(header) + "." + part(payload)
	signature, err := jwsbb.Sign(s.private, s.alg, []byte(signed), nil)
	if err != nil {
		panic(err)
	}
	return signed + "." + base64.RawURLEncoding.EncodeToString(signature)
}

// jwk is the public half, as a set has it.
func (s signer) jwk(extra ...string) string {
	parsed, err := jwk.Import(s.private.(crypto.Signer).Public())
	if err != nil {
		panic(err)
	}
	text, err := json.Marshal(parsed)
	if err != nil {
		panic(err)
	}
	members := append([]string{strings.Trim(string(text), "{}")}, extra...)
	if s.kid != "" {
		members = append(members, fmt.Sprintf(`"kid":%q`, s.kid))
	}
	return "{" + strings.Join(members, ",") + "}"
}

func jwks(keys ...string) string { return `{"keys":[` + strings.Join(keys, ",") + `]}` }

func everyKey() string {
	return jwks(es256().jwk(), es384().jwk(), es512().jwk(), rs256().jwk(), eddsa().jwk())
}

// claimsOf is a payload that is good at start, with members in place of its own or besides. A member
// without a value is left out.
func claimsOf(members ...string) string {
	all := []string{
		`"iss":"https://id.example"`, `"aud":"edge"`, `"sub":"u1"`, `"jti":"t1"`,
		fmt.Sprintf(`"iat":%d`, start-60), fmt.Sprintf(`"exp":%d`, start+600),
	}
	for _, member := range members {
		name, value, _ := strings.Cut(member, ":")
		for i, old := range all {
			if strings.HasPrefix(old, name+":") {
				all = append(all[:i], all[i+1:]...)
				break
			}
		}
		if value != "" {
			all = append(all, member)
		}
	}
	return "{" + strings.Join(all, ",") + "}"
}

// clock is set by hand.
type clock struct{ seconds atomic.Int64 }

func (c *clock) now() time.Time { return time.Unix(c.seconds.Load(), 0) }

// rig is a Verifier whose files were loaded, and its clock.
type rig struct {
	*Verifier
	clock *clock
}

// newRig makes a Verifier that requires tokens, with whatever edit changes.
func newRig(t testing.TB, edit func(*Config)) *rig {
	t.Helper()
	config := Config{
		Mode: "required", Issuer: "https://id.example", Audiences: []string{"edge", "other"}, Leeway: 30 * time.Second,
		JWKS: write(t, "jwks.json", everyKey()),
	}
	if edit != nil {
		edit(&config)
	}
	r := &rig{clock: new(clock)}
	r.clock.seconds.Store(start)
	var err error
	r.Verifier, err = New(config, Deps{Logger: slog.New(slog.DiscardHandler), Now: r.clock.now})
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range r.files {
		if err := f.load(); err != nil {
			t.Fatal(err)
		}
	}
	return r
}

func write(t testing.TB, name, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// bearing is a request with a token.
func bearing(raw string) Request {
	return Request{Path: "/", Header: http.Header{"Authorization": {"Bearer " + raw}}}
}

// ask checks one token, on a path that no prefix covers.
func (r *rig) ask(t testing.TB, raw string) Verdict {
	t.Helper()
	return r.Check(t.Context(), bearing(raw))
}

func (r *rig) want(t testing.TB, raw string, want Reason) {
	t.Helper()
	if got := r.ask(t, raw).Reason; got != want {
		t.Errorf("reason is %s, want %s", got, want)
	}
}
