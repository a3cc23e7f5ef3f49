package token

import (
	"encoding/json"
	"math"
	"slices"
	"strconv"
	"strings"
)

// claims are those that are judged (RFC 7519, section 4.1).
type claims struct {
	jti, subject string
	issuer       string
	audience     []string
	window       window
}

// window is when a token is good, in Unix seconds.
type window struct {
	// expires is rounded down, and absent where hasExpiry is false.
	expires   int64
	hasExpiry bool
	// notBefore is the later of nbf, rounded up, and iat: a token is not used before
	// it was issued. Without either it is 0.
	notBefore int64
	// issued is iat rounded down; 0: not there.
	issued int64
}

// readClaims wants each claim in its right type, or not there.
func readClaims(members map[string]json.RawMessage) (claims, bool) {
	var c claims
	var ok [7]bool
	c.jti, ok[0] = str(members, "jti")
	c.subject, ok[1] = str(members, "sub")
	c.issuer, ok[2] = str(members, "iss")
	c.audience, ok[3] = readAudience(members["aud"])
	var expires, notBefore, issued float64
	expires, ok[4] = numericDate(members["exp"])
	notBefore, ok[5] = numericDate(members["nbf"])
	issued, ok[6] = numericDate(members["iat"])
	c.window = window{
		expires: int64(expires), hasExpiry: members["exp"] != nil,
		notBefore: max(int64(math.Ceil(notBefore)), int64(issued)), issued: int64(issued),
	}
	return c, !slices.Contains(ok[:], false)
}

// readAudience takes a string or an array of strings (RFC 7519, section 4.1.3).
func readAudience(value json.RawMessage) ([]string, bool) {
	if value == nil {
		return nil, true
	}
	if one, ok := exactly(value); ok {
		return []string{one}, true
	}
	var raws []json.RawMessage
	if json.Unmarshal(value, &raws) != nil || raws == nil {
		return nil, false
	}
	names := make([]string, 0, len(raws))
	for _, raw := range raws {
		name, ok := exactly(raw)
		if !ok {
			return nil, false
		}
		names = append(names, name)
	}
	return names, true
}

// numericDate gives seconds, which may have a fraction (RFC 7519, section 2), 0 where
// there is no value. It takes none before 1970 or after the year 9999: such a date
// is a mistake, as milliseconds are.
func numericDate(value json.RawMessage) (float64, bool) {
	if value == nil {
		return 0, true
	}
	text := string(value)
	if !strings.ContainsAny(text[:1], "-0123456789") {
		return 0, false
	}
	seconds, err := strconv.ParseFloat(text, 64)
	return seconds, err == nil && seconds >= 0 && seconds <= maxIssuedAt
}

// judge gives what speaks against the claims at a moment. The time comes last: that
// a token has expired is said of one that was good.
func (r *rules) judge(c *claims, now int64) Reason {
	switch {
	case r.issuer != "" && c.issuer != r.issuer:
		return BadIssuer
	case len(r.audiences) > 0 && !slices.ContainsFunc(c.audience, func(name string) bool {
		return slices.Contains(r.audiences, name)
	}):
		return BadAudience
	}
	return r.judgeTime(&c.window, now)
}

// judgeTime is asked on each use of a token, remembered or not.
func (r *rules) judgeTime(w *window, now int64) Reason {
	switch {
	case !w.hasExpiry: // it would be good for ever
		return NoExpiry
	case w.notBefore-r.leeway > now:
		return NotYetValid
	case w.expires+r.leeway <= now:
		return ExpiredToken
	}
	return Passed
}
