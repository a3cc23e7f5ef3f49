package token

import (
	"iter"
	"net/http"
	"strings"
)

// maxPresented bounds the credentials of one request that are looked at where none
// is verified; one that has more is refused, since any of them might be revoked.
const maxPresented = 16

// credential gives the one token that a request presents, empty where it has none. It
// is not ok where the origin might believe another one: several Authorization fields,
// several cookies of the name, or one token in the field and another in the cookie.
// An empty cookie is none.
func credential(header http.Header, cookie string) (raw string, ok bool) {
	fields := header["Authorization"]
	if len(fields) > 1 {
		return "", false
	}
	if len(fields) == 1 {
		if bearing, found := bearer(fields[0]); found {
			raw = bearing
		}
	}
	if cookie == "" {
		return raw, true
	}
	seen := false
	for value := range cookies(header["Cookie"], cookie) {
		if seen || raw != "" && value != "" && value != raw {
			return "", false
		}
		seen = true
		if raw == "" {
			raw = value
		}
	}
	return raw, true
}

// presented gives every token of a request that somebody might believe.
func presented(header http.Header, cookie string) iter.Seq[string] {
	return func(yield func(string) bool) {
		for _, field := range header["Authorization"] {
			if raw, found := bearer(field); found && !yield(raw) {
				return
			}
		}
		if cookie == "" {
			return
		}
		for value := range cookies(header["Cookie"], cookie) {
			if value != "" && !yield(value) {
				return
			}
		}
	}
}

// cookies gives the values of a name (RFC 6265, section 5.4), without the quotes that
// may be around them.
func cookies(fields []string, name string) iter.Seq[string] {
	return func(yield func(string) bool) {
		for _, field := range fields {
			for pair := range strings.SplitSeq(field, ";") {
				key, value, _ := strings.Cut(pair, "=")
				if strings.Trim(key, blanks) == name && !yield(unquoted(strings.Trim(value, blanks))) {
					return
				}
			}
		}
	}
}

func unquoted(value string) string {
	if len(value) >= 2 && value[0] == '"' && value[len(value)-1] == '"' {
		return value[1 : len(value)-1]
	}
	return value
}
