package main

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"iter"
	"net/http"
	"time"

	"github.com/ringcast/ringcast/edgeproxy/token"
	"github.com/ringcast/ringcast/internal/wire"
)

// Of whom the tokens are, and for whom.
const (
	mintIssuer   = "https://issuer.example"
	mintAudience = "shop"
	// mintLife is longer than a run may take.
	mintLife = 24 * time.Hour
)

// mint issues tokens by ES256 (RFC 7518, section 3.4).
type mint struct {
	key    *ecdsa.PrivateKey
	issued int
}

func newMint() (*mint, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, fmt.Errorf("make key: %w", err)
	}
	return &mint{key: key}, nil
}

// coordinateBytes is the length of each half of a point of P-256, and of a signature.
const coordinateBytes = 32

// jwks is the public key as a JSON Web Key Set.
func (m *mint) jwks() []byte {
	point, err := m.key.PublicKey.Bytes() // 4, x, y (SEC 1, section 2.3.3)
	if err != nil {
		panic(fmt.Sprintf("encode the key that was made: %v", err))
	}
	return fmt.Appendf(nil, `{"keys":[{"kty":"EC","crv":"P-256","alg":"ES256","kid":"bench","x":%q,"y":%q}]}`,
		encoded(point[1:1+coordinateBytes]), encoded(point[1+coordinateBytes:]))
}

// token gives an Authorization field with a token that nobody has seen or revoked.
func (m *mint) token() string {
	m.issued++
	return m.sign(fmt.Sprintf("issued-%08x-7f0e-4a5b-9c53-d1a5a1f0c1e7", m.issued), fmt.Sprintf("reader-%d", m.issued))
}

// sign gives one with a token of these claims.
func (m *mint) sign(jti, subject string) string {
	now := time.Now().Unix()
	signed := encoded([]byte(`{"alg":"ES256","typ":"JWT","kid":"bench"}`)) + "." + encoded(fmt.Appendf(nil,
		`{"iss":%q,"aud":%q,"sub":%q,"jti":%q,"iat":%d,"exp":%d}`, mintIssuer, mintAudience, subject, jti, now, now+int64(mintLife.Seconds())))
	sum := sha256.Sum256([]byte(signed))
	r, s, err := ecdsa.Sign(rand.Reader, m.key, sum[:])
	if err != nil {
		panic(fmt.Sprintf("sign with the key that was made: %v", err))
	}
	var signature [2 * coordinateBytes]byte
	r.FillBytes(signature[:coordinateBytes])
	s.FillBytes(signature[coordinateBytes:])
	return "Bearer " + signed + "." + encoded(signature[:])
}

func encoded(data []byte) string { return base64.RawURLEncoding.EncodeToString(data) }

// recall makes sure that the tokens are remembered.
func (g *gates) recall() error {
	r, _, bearer := ask{tokens: 1}.request()
	for _, bearer[0] = range g.remembered {
		if g.passes(r).Failure() != token.None {
			return errRefused
		}
	}
	return nil
}

func (g *gates) passes(r *http.Request) token.Verdict {
	return g.gate.tokens.Check(r.Context(), token.Request{Path: r.URL.EscapedPath(), Header: r.Header})
}

// remember measures tokens that are remembered.
func (g *gates) remember(context.Context) (cost, error) {
	if err := g.recall(); err != nil {
		return cost{}, err
	}
	before := g.gate.tokens.Stats().Verified
	c, err := g.checkTokens(g.requests, g.remembered)
	if n := g.gate.tokens.Stats().Verified - before; err == nil && n > 0 {
		err = fmt.Errorf("%d tokens were verified that ought to be remembered", n)
	}
	return c, err
}

// verify measures tokens that nobody has seen.
func (g *gates) verify(context.Context) (cost, error) {
	fresh := make([]string, g.verifications)
	for i := range fresh {
		fresh[i] = g.mint.token()
	}
	before := g.gate.tokens.Stats().Verified
	c, err := g.checkTokens(len(fresh), fresh)
	if n := g.gate.tokens.Stats().Verified - before; err == nil && n != uint64(len(fresh)) {
		err = fmt.Errorf("%d of %d tokens were verified", n, len(fresh))
	}
	return c, err
}

func (g *gates) checkTokens(n int, tokens []string) (cost, error) {
	r, _, bearer := ask{tokens: 1}.request()
	return timed(n, func(i int) error {
		bearer[0] = tokens[i%len(tokens)]
		if g.passes(r).Failure() != token.None {
			return errRefused
		}
		return nil
	})
}

// revocation is the i-th of a sequence: of a jti, a subject or a hash.
func revocation(i int) wire.TokenRef {
	v := scatter(uint32(i))
	switch i % 3 {
	case 0:
		return wire.TokenRef{JTI: fmt.Sprintf("%08x-7f0e-4a5b-9c53-d1a5a1f0c1e7", v)}
	case 1:
		return wire.TokenRef{Subject: fmt.Sprintf("user-%d", v)}
	default:
		sum := sha256.Sum256(fmt.Append(nil, v))
		return wire.TokenRef{TokenHash: hex.EncodeToString(sum[:])}
	}
}

func revocationEvents(n int) iter.Seq[any] {
	return func(yield func(any) bool) {
		for i := range n {
			if !yield(&wire.TokenRevoked{TokenRef: revocation(i), Reason: "logged out"}) {
				return
			}
		}
	}
}
