package token

import (
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rsa"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/lestrrat-go/jwx/v3/jwa"
	"github.com/lestrrat-go/jwx/v3/jws"
)

// algorithm is one that signs tokens (RFC 7518, section 3, and RFC 8037).
type algorithm struct {
	verifier jws.Verifier2
	// fits tells whether a key is of the algorithm's kind. Each key is of one kind
	// only, so that a public key never becomes an HMAC's secret.
	fits func(material any) bool
	// hmac: the key is a secret, and comes from no JWKS.
	hmac bool
}

// algorithmNames are all that can be allowed.
func algorithmNames() []string {
	return []string{
		"ES256", "ES384", "ES512", "PS256", "PS384", "PS512", "RS256", "RS384", "RS512", "EdDSA",
		"HS256", "HS384", "HS512",
	}
}

// algorithms gives the allowed ones: those that were named, or all for which there
// is a source of keys.
func (c Config) algorithms() (map[string]algorithm, error) {
	allowed := make(map[string]algorithm)
	for _, name := range algorithmNames() {
		a, err := newAlgorithm(name)
		if err != nil {
			return nil, err
		}
		if hasKeys := a.hmac && c.SecretFile != "" || !a.hmac && c.JWKS != ""; hasKeys {
			allowed[name] = a
		}
	}
	if len(c.Algorithms) == 0 {
		return allowed, nil
	}
	for _, name := range c.Algorithms {
		if _, ok := allowed[name]; !ok {
			return nil, refuseAlgorithm(name)
		}
	}
	for name := range allowed {
		if !slices.Contains(c.Algorithms, name) {
			delete(allowed, name)
		}
	}
	return allowed, c.checkSources(allowed)
}

func refuseAlgorithm(name string) error {
	switch {
	case !slices.Contains(algorithmNames(), name):
		return fmt.Errorf("--jwt-algorithm %q: want one of %s", name, strings.Join(algorithmNames(), ", "))
	case strings.HasPrefix(name, "HS"):
		return fmt.Errorf("--jwt-algorithm %s needs --jwt-secret-file", name)
	default:
		return fmt.Errorf("--jwt-algorithm %s needs --jwt-jwks", name)
	}
}

// checkSources refuses keys that no algorithm would use.
func (c Config) checkSources(allowed map[string]algorithm) error {
	var secret, public bool
	for _, a := range allowed {
		secret, public = secret || a.hmac, public || !a.hmac
	}
	if c.SecretFile != "" && !secret {
		return errors.New("--jwt-secret-file is there for no --jwt-algorithm: want one of HS256, HS384, HS512 among them")
	}
	if c.JWKS != "" && !public {
		return errors.New("--jwt-jwks is there for no --jwt-algorithm: HMAC takes no key from it")
	}
	return nil
}

func newAlgorithm(name string) (algorithm, error) {
	registered, ok := jwa.LookupSignatureAlgorithm(name)
	if !ok {
		return algorithm{}, fmt.Errorf("find algorithm %s", name)
	}
	verifier, err := jws.VerifierFor(registered)
	if err != nil {
		return algorithm{}, fmt.Errorf("find verifier of %s: %w", name, err)
	}
	return algorithm{verifier: verifier, fits: kindOf(name), hmac: strings.HasPrefix(name, "HS")}, nil
}

// kindOf binds each algorithm to its kind of key, and ECDSA to its one curve (RFC
// 7518, sections 3.2 to 3.5; RFC 8037, section 3.1).
func kindOf(name string) func(material any) bool {
	switch name {
	case "ES256":
		return onCurve("P-256")
	case "ES384":
		return onCurve("P-384")
	case "ES512":
		return onCurve("P-521")
	case "EdDSA":
		return func(material any) bool { _, ok := material.(ed25519.PublicKey); return ok }
	case "HS256":
		return secretOf(32)
	case "HS384":
		return secretOf(48)
	case "HS512":
		return secretOf(64)
	default:
		return func(material any) bool { _, ok := material.(*rsa.PublicKey); return ok }
	}
}

func onCurve(name string) func(material any) bool {
	return func(material any) bool {
		public, ok := material.(*ecdsa.PublicKey)
		return ok && public.Curve.Params().Name == name
	}
}

// secretOf wants as many bytes as the hash has (RFC 7518, section 3.2).
func secretOf(size int) func(material any) bool {
	return func(material any) bool {
		s, ok := material.(secret)
		return ok && len(s) >= size
	}
}

// verify tells whether the signature is the key's.
func (a algorithm) verify(k key, signed, signature []byte) bool {
	material := k.material
	if s, ok := material.(secret); ok {
		material = []byte(s)
	}
	return a.verifier.Verify(material, signed, signature) == nil
}
