package token

import (
	"crypto/elliptic"
	"encoding/base64"
	"encoding/json"
	"iter"
	"math/big"
	"strings"
)

// spellings gives the other forms of a token by which it may have been revoked. Header
// and payload are signed as they are spelled, but lenient readers take a signature with
// padding, in the other alphabet of base64 or with other spare bits for the same. An
// ECDSA signature (r, s) has a twin, (r, n-s), as well.
func spellings(raw string) iter.Seq[string] {
	return func(yield func(string) bool) {
		at := strings.LastIndexByte(raw, '.')
		if at < 0 || len(raw) > maxToken || strings.Count(raw, ".") != 2 {
			return
		}
		signed, text := raw[:at+1], plainAlphabet(raw[at+1:])
		signature, err := base64.RawURLEncoding.DecodeString(text)
		if err != nil {
			return
		}
		if canonical := signed + base64.RawURLEncoding.EncodeToString(signature); canonical != raw && !yield(canonical) {
			return
		}
		if order := orderOf(signed); order != nil && len(signature) == 2*((order.BitLen()+7)/8) {
			yield(signed + base64.RawURLEncoding.EncodeToString(twinOf(signature, order)))
		}
	}
}

// plainAlphabet is base64url without padding.
func plainAlphabet(text string) string {
	return strings.NewReplacer("+", "-", "/", "_", "\r", "", "\n", "").Replace(strings.TrimRight(text, "="))
}

// orderOf gives the order n of the curve of the algorithm that a header names, nil for
// others (RFC 7518, section 3.4).
func orderOf(signed string) *big.Int {
	encoded, _, _ := strings.Cut(signed, ".")
	text, err := base64.RawURLEncoding.DecodeString(encoded)
	var header struct {
		Algorithm string `json:"alg"`
	}
	if err != nil || json.Unmarshal(text, &header) != nil {
		return nil
	}
	switch header.Algorithm {
	case "ES256":
		return elliptic.P256().Params().N
	case "ES384":
		return elliptic.P384().Params().N
	case "ES512":
		return elliptic.P521().Params().N
	}
	return nil
}

// twinOf gives (r, n-s) for a signature (r, s) of a curve of order n; the same where s
// is not below n.
func twinOf(signature []byte, order *big.Int) []byte {
	half := len(signature) / 2
	s := new(big.Int).SetBytes(signature[half:])
	if s.Cmp(order) >= 0 {
		return signature
	}
	twin := append([]byte(nil), signature...)
	s.Sub(order, s).FillBytes(twin[half:])
	return twin
}
