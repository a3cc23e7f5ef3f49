package token

import (
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rsa"
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"github.com/lestrrat-go/jwx/v3/jwk"
)

const (
	// maxKeys bounds the keys of one set, which are searched for each new token.
	maxKeys = 100
	// minRSA and maxRSA bound an RSA modulus in bits: shorter ones can be factored
	// (RFC 7518, section 3.3), and with longer ones each check costs milliseconds.
	minRSA = 2048
	maxRSA = 8192
)

// secret is an HMAC's key. It is a type of its own, so that no other bytes are taken
// for one.
type secret []byte

// key verifies signatures.
type key struct {
	id        string // kid; empty: none
	algorithm string // the only one that it is for (RFC 7517, section 4.4); empty: any that fits
	material  any    // *ecdsa.PublicKey, *rsa.PublicKey, ed25519.PublicKey or secret
}

// parseJWKS reads a JWK set, or a single JWK (RFC 7517, sections 4 and 5). Keys that
// cannot be used are left out, each with an error that says why. It is an error
// where none is left: an issuer without keys is taken for a broken one.
func parseJWKS(data []byte) (keys []key, unfit []error, err error) {
	raws, err := splitJWKS(data)
	if err != nil {
		return nil, nil, err
	}
	for i, raw := range raws {
		k, err := parseJWK(raw)
		if err != nil {
			unfit = append(unfit, fmt.Errorf("key %d: %w", i+1, err))
			continue
		}
		keys = append(keys, k)
	}
	if len(keys) == 0 {
		return nil, nil, errors.Join(append([]error{errors.New("no key in it can be used")}, unfit...)...)
	}
	return keys, unfit, nil
}

func splitJWKS(data []byte) ([]json.RawMessage, error) {
	members, ok := object(data)
	if !ok {
		return nil, errors.New("read JWK set: not a JSON object without repeated names")
	}
	if _, single := members["kty"]; single {
		return []json.RawMessage{data}, nil
	}
	var raws []json.RawMessage
	if err := json.Unmarshal(members["keys"], &raws); err != nil {
		return nil, errors.New("read JWK set: no array of keys")
	}
	if len(raws) > maxKeys {
		return nil, fmt.Errorf("read JWK set: %d keys, want at most %d", len(raws), maxKeys)
	}
	return raws, nil
}

// parseJWK takes a public key for signatures.
func parseJWK(raw json.RawMessage) (key, error) {
	if _, ok := object(raw); !ok {
		return key{}, errors.New("not a JSON object without repeated names")
	}
	parsed, err := jwk.ParseKey(raw)
	if err != nil {
		return key{}, fmt.Errorf("parse: %w", err)
	}
	if err := checkUse(parsed); err != nil {
		return key{}, err
	}
	var material any
	if err := jwk.Export(parsed, &material); err != nil {
		return key{}, fmt.Errorf("decode: %w", err)
	}
	k := key{material: publicKey(material)}
	k.id, _ = parsed.KeyID()
	if a, ok := parsed.Algorithm(); ok {
		k.algorithm = a.String()
	}
	return k, checkMaterial(k.material)
}

// checkUse refuses keys that are for something else (RFC 7517, sections 4.2 and 4.3).
func checkUse(parsed jwk.Key) error {
	if use, ok := parsed.KeyUsage(); ok && use != jwk.ForSignature.String() {
		return fmt.Errorf("its use is %q, not sig", use)
	}
	if operations, ok := parsed.KeyOps(); ok && !slices.Contains(operations, jwk.KeyOpVerify) {
		return errors.New("verify is not among its key_ops")
	}
	return nil
}

// publicKey gives the one form of each kind.
func publicKey(material any) any {
	switch k := material.(type) {
	case rsa.PublicKey:
		return &k
	case ecdsa.PublicKey:
		return &k
	}
	return material
}

// checkMaterial refuses weak keys, and keys that do not belong into a published
// set.
func checkMaterial(material any) error {
	switch k := material.(type) {
	case *rsa.PublicKey:
		if bits := k.N.BitLen(); bits < minRSA || bits > maxRSA {
			return fmt.Errorf("an RSA key of %d bits: want %d to %d", bits, minRSA, maxRSA)
		}
		if k.E < 3 || k.E%2 == 0 {
			return fmt.Errorf("an RSA key with the exponent %d", k.E)
		}
		return nil
	case *ecdsa.PublicKey:
		if _, err := k.ECDH(); err != nil {
			return fmt.Errorf("its curve, or its point on it: %w", err)
		}
		return nil
	case ed25519.PublicKey:
		return nil
	case *rsa.PrivateKey, *ecdsa.PrivateKey, ed25519.PrivateKey:
		return errors.New("a private key: only the public half belongs here")
	case []byte:
		return errors.New("a symmetric key: a secret is given by --jwt-secret-file")
	default:
		return fmt.Errorf("no key for signatures: %T", material)
	}
}
