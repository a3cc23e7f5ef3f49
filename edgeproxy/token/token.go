// Package token decides on the bearer tokens of requests. A Verifier takes signed
// JWTs (RFC 7519, in the compact form of RFC 7515) by the advice of RFC 8725, with
// keys of RFC 7517 that it keeps current. Which of the tokens are revoked is the
// caller's question.
package token

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"strings"
	"unicode/utf8"
)

const (
	// maxToken is the length of a token, in bytes, past which it is not decoded: it
	// bounds what a stranger can make an edge decode, hash and verify.
	maxToken = 16 << 10
	// maxIssuedAt is the year 9999. What lies beyond is no time.
	maxIssuedAt = 253402300799
)

// Claims are what a revocation can name of a token. What the token does not say,
// or does not say in the right type, is empty.
type Claims struct {
	// JTI and Subject are the claims of RFC 7519, sections 4.1.7 and 4.1.2.
	JTI     string
	Subject string
	// IssuedAt is the claim of section 4.1.6 in Unix seconds, rounded down; 0: not
	// known.
	IssuedAt int64
	// Hash is the SHA-256 of the token's bytes in lower-case hexadecimal.
	Hash string
}

// Read gives the claims of the bearer token in the value of an Authorization
// header (RFC 6750, section 2.1), and whether there is one. Of a token that is no
// signed JWT only the hash is known.
//
// Nothing is verified. That is enough to refuse a revoked token, and must not be
// used to let anybody pass: whoever forges a claim can only get himself refused.
func Read(authorization string) (Claims, bool) {
	raw, found := bearer(authorization)
	if !found {
		return Claims{}, false
	}
	return read(raw), true
}

// unverified gives the claims with every hash that may be meant by the token's; see
// spellings.
func unverified(raw string) []Claims {
	claims := []Claims{read(raw)}
	for other := range spellings(raw) {
		sum := digestOf(other)
		claims = append(claims, Claims{Hash: hex.EncodeToString(sum[:])})
	}
	return claims
}

func read(raw string) Claims {
	claims := decode(raw)
	sum := sha256.Sum256([]byte(raw))
	claims.Hash = hex.EncodeToString(sum[:])
	return claims
}

// blanks separate scheme and token: servers are lenient, and a token that one of
// them takes must not pass unseen.
const blanks = " \t"

// bearer takes the token out of the header. The scheme is case-insensitive
// (RFC 9110, section 11.1).
func bearer(authorization string) (string, bool) {
	end := strings.IndexAny(authorization, blanks)
	if end < 0 {
		return "", false
	}
	raw := strings.Trim(authorization[end:], blanks)
	return raw, strings.EqualFold(authorization[:end], "Bearer") && raw != ""
}

// decode reads the payload of a JWS in compact form (RFC 7515, section 7.1). What
// is not exactly that has no claims.
func decode(raw string) Claims {
	payload, ok := payload(raw)
	if !ok {
		return Claims{}
	}
	// A map, unlike a struct, tells "jti" from "JTI". The last of equal names counts
	// (RFC 7519, section 4).
	var members map[string]json.RawMessage
	if !utf8.Valid(payload) || json.Unmarshal(payload, &members) != nil {
		return Claims{}
	}
	return Claims{JTI: text(members["jti"]), Subject: text(members["sub"]), IssuedAt: seconds(members["iat"])}
}

// payload decodes the second of three parts. The decoder would pass over line
// ends, which base64url does not have.
func payload(raw string) ([]byte, bool) {
	if len(raw) > maxToken || strings.Count(raw, ".") != 2 || strings.ContainsAny(raw, "\r\n") {
		return nil, false
	}
	_, rest, _ := strings.Cut(raw, ".")
	encoded, _, _ := strings.Cut(rest, ".")
	decoded, err := base64.RawURLEncoding.Strict().DecodeString(encoded)
	return decoded, err == nil
}

// text gives a string, or nothing for another type.
func text(value json.RawMessage) string {
	var s string
	if !bytes.HasPrefix(value, []byte{'"'}) || json.Unmarshal(value, &s) != nil {
		return ""
	}
	return s
}

// seconds gives a NumericDate, which may have a fraction (RFC 7519, section 2), or
// 0 for what is not a time.
func seconds(value json.RawMessage) int64 {
	var f float64
	if len(value) == 0 || json.Unmarshal(value, &f) != nil {
		return 0
	}
	if f < 1 || f > maxIssuedAt {
		return 0
	}
	return int64(f)
}
