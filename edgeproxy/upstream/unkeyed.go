package upstream

import (
	"net/http"
	"strings"
)

// forwarded begin the names of what the edge itself tells the origin.
const forwarded = "x-forwarded-"

// isUnkeyed tells fields by which some origins let a client choose another target,
// method, host or address, or build links. They are not part of the cache key, so that
// one client's choice would be the answer to all. Among them is what a client says of
// proxies before it, and every name with "_": to origins that read fields as CGI
// gives them it is the twin of one with "-", which may be in the key.
func isUnkeyed(name string) bool {
	if name == "" {
		return false
	}
	switch name[0] | 0x20 { // most fields end here
	case 'b':
		return isTwin(name, "base-url")
	case 'c':
		return isTwin(name, "cf-connecting-ip") || isTwin(name, "client-ip")
	case 'f':
		return isTwin(name, "forwarded") || isTwin(name, "front-end-https") || isTwin(name, "fastly-client-ip")
	case 'p':
		return isTwin(name, "proxy")
	case 't':
		return isTwin(name, "true-client-ip")
	case 'x':
		return len(name) >= len(forwarded) && isTwin(name[:len(forwarded)], forwarded) || isUnkeyedX(name)
	}
	return false
}

func isUnkeyedX(name string) bool {
	for _, unkeyed := range [...]string{
		"x-client-ip", "x-cluster-client-ip", "x-forward-host", "x-forwarded", "x-host", "x-http-host",
		"x-http-host-override", "x-http-method", "x-http-method-override", "x-method-override", "x-original-host",
		"x-original-uri", "x-original-url", "x-real-ip", "x-rewrite-url", "x-scheme", "x-script-name", "x-url-scheme",
	} {
		if isTwin(name, unkeyed) {
			return true
		}
	}
	return false
}

// isTwin tells whether a name is the one given, in lower case, to an origin that
// reads fields as CGI gives them (RFC 3875, section 4.1.18): X_Real_IP and X-Real-IP
// are both HTTP_X_REAL_IP there. Some servers make "_" of other signs, too.
func isTwin(name, of string) bool {
	if len(name) != len(of) {
		return false
	}
	for i := range len(name) {
		if fold(name[i]) != of[i] {
			return false
		}
	}
	return true
}

// fold makes a hyphen of what is no letter and no digit.
func fold(c byte) byte {
	switch {
	case 'a' <= c && c <= 'z', '0' <= c && c <= '9':
		return c
	case 'A' <= c && c <= 'Z':
		return c | 0x20
	}
	return '-'
}

// dropUnkeyed removes them, and every spelling of the identity's field, "" for none.
func dropUnkeyed(h http.Header, identity string) {
	for name := range h {
		if strings.Contains(name, "_") || isUnkeyed(name) || isTwin(name, identity) {
			delete(h, name)
		}
	}
}

// lower is the form in which names are compared.
func lower(name string) string {
	return strings.Map(func(r rune) rune { return rune(fold(byte(r))) }, name)
}
