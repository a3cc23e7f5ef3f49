package token

import (
	"encoding/base64"
	"encoding/json"
	"slices"
	"strings"
)

// compact is a JWS in compact form, decoded and not verified.
type compact struct {
	algorithm string
	keyID     string
	hasKeyID  bool
	claims    claims
	signed    []byte // what the signature is of
	signature []byte
}

// parseCompact reads RFC 7515, section 7.1, and nothing beyond it.
func parseCompact(raw string) (compact, Reason) {
	parts := strings.Split(raw, ".")
	if len(parts) != 3 || strings.ContainsAny(raw, "\r\n") { // the decoder would pass over line ends
		return compact{}, Malformed
	}
	var decoded [3][]byte
	for i, part := range parts {
		var err error
		if decoded[i], err = base64.RawURLEncoding.Strict().DecodeString(part); err != nil {
			return compact{}, Malformed
		}
	}
	c := compact{signed: []byte(parts[0] + "." + parts[1]), signature: decoded[2]}
	if reason := c.readHeader(decoded[0]); reason != Passed {
		return compact{}, reason
	}
	members, ok := object(decoded[1])
	if !ok {
		return compact{}, Malformed
	}
	c.claims, ok = readClaims(members)
	if !ok {
		return compact{}, Malformed
	}
	return c, Passed
}

// readHeader takes what says how to verify. No key comes from the header itself: jku,
// jwk, x5u and x5c are not looked at, and kid is only compared.
func (c *compact) readHeader(data []byte) Reason {
	members, ok := object(data)
	if !ok {
		return Malformed
	}
	if _, critical := members["crit"]; critical { // no extension is known here
		return BadHeader
	}
	if !isJWT(members) {
		return BadHeader
	}
	var okAlgorithm, okKeyID bool
	c.algorithm, okAlgorithm = str(members, "alg")
	c.keyID, okKeyID = str(members, "kid")
	_, c.hasKeyID = members["kid"]
	if !okAlgorithm || !okKeyID {
		return Malformed
	}
	return Passed
}

// isJWT keeps other kinds of tokens by the same issuer, such as DPoP proofs and
// logout tokens, from passing for access tokens (RFC 8725, section 3.11), and
// nested tokens (RFC 7519, section 5.2).
func isJWT(header map[string]json.RawMessage) bool {
	kind, okKind := str(header, "typ")
	content, okContent := str(header, "cty")
	kind = strings.TrimPrefix(strings.ToLower(kind), "application/")
	return okKind && okContent && content == "" && slices.Contains([]string{"", "jwt", "at+jwt"}, kind)
}
