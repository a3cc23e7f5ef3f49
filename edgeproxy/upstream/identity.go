package upstream

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
)

// ParseIdentityHeader gives the canonical form of a name for Config.IdentityHeader.
// It is an error for what is no name of letters, digits and hyphens, and for fields
// that mean something to the edge or to HTTP.
func ParseIdentityHeader(name string) (string, error) {
	plain := func(c rune) bool { return c < 0x80 && (c == '-' || fold(byte(c)) != '-') }
	if name == "" || strings.ContainsFunc(name, func(c rune) bool { return !plain(c) }) {
		return "", fmt.Errorf("identity header %q: want letters, digits and hyphens", name)
	}
	name = http.CanonicalHeaderKey(name)
	if isUnkeyed(name) && !strings.HasPrefix(name, "X-Forwarded-") || slices.Contains(reserved, name) {
		return "", fmt.Errorf("identity header %q: that field has another meaning, as X-User has not", name)
	}
	return name, nil
}

// reserved are fields that the edge reads or writes itself, or that others do.
var reserved = []string{
	"Accept", "Accept-Charset", "Accept-Encoding", "Accept-Language", "Authorization", "Cache-Control", "Connection", "Content-Encoding",
	"Content-Length", "Content-Type", "Cookie", "Date", "Expect", "Host", "If-Match", "If-Modified-Since", "If-None-Match", "If-Range",
	"If-Unmodified-Since", "Keep-Alive", "Pragma", "Proxy-Authorization", "Proxy-Connection", "Range", "Te", "Trailer",
	"Transfer-Encoding", "Upgrade", "User-Agent", "Via", "X-Forwarded-For", "X-Forwarded-Host", "X-Forwarded-Proto",
}

// EncodeSubject makes a field value of any text: what is no visible ASCII, and the
// percent sign, is percent-encoded byte for byte (RFC 3986, section 2.1). It can be
// decoded, so that no two subjects are one to the origin, and it can hold no line
// break. It is at most three times as long.
func EncodeSubject(s string) string {
	if !strings.ContainsFunc(s, func(c rune) bool { return !visible(c) }) {
		return s
	}
	var b strings.Builder
	for i := range len(s) {
		if visible(rune(s[i])) {
			b.WriteByte(s[i])
		} else {
			fmt.Fprintf(&b, "%%%02X", s[i])
		}
	}
	return b.String()
}

func visible(c rune) bool { return '!' <= c && c <= '~' && c != '%' }
