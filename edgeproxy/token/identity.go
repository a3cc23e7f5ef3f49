package token

import (
	"net/http"
	"strings"
	"unicode"
)

// Identify tells the origin who the request is from: it removes the identity header
// in every spelling that the origin might take for it, and sets it to the verified
// subject, if there is one. The origin may rely on the header as long as nobody
// reaches it but through the edge. Without --jwt-identity-header nothing changes.
func (v *Verifier) Identify(header http.Header, verdict Verdict) {
	if v.rules.identity == "" {
		return
	}
	for name := range header {
		if isSpelling(name, v.rules.identity) {
			delete(header, name)
		}
	}
	if verdict.Subject != "" {
		header[v.rules.identity] = []string{verdict.Subject}
		v.keepIdentity(header)
	}
}

// keepIdentity removes a Connection that names the identity header. By it a client
// could have the header removed on the way (RFC 9110, section 7.6.1) and pass for
// nobody.
func (v *Verifier) keepIdentity(header http.Header) {
	for _, field := range header["Connection"] {
		for name := range strings.SplitSeq(field, ",") {
			if isSpelling(strings.Trim(name, blanks), v.rules.identity) {
				delete(header, "Connection")
				return
			}
		}
	}
}

// isSpelling tells whether CGI, and what followed it, give two names to one
// variable: case and the difference of - and _ are lost (RFC 3875, section 4.1.18).
func isSpelling(name, of string) bool {
	if len(name) != len(of) {
		return false
	}
	for i := range len(name) {
		if folded(name[i]) != folded(of[i]) {
			return false
		}
	}
	return true
}

func folded(c byte) byte {
	switch {
	case c >= 'A' && c <= 'Z':
		return c + 'a' - 'A'
	case c >= 'a' && c <= 'z', c >= '0' && c <= '9':
		return c
	default: // some make _ of every other character
		return '_'
	}
}

// isIdentity tells whether a subject arrives as it was sent in a header (RFC 9110,
// section 5.5): nothing in it ends the line, and receivers trim nothing of it.
func isIdentity(subject string) bool {
	return !strings.ContainsFunc(subject, unicode.IsControl) && strings.TrimSpace(subject) == subject
}
