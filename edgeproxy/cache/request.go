package cache

import "strings"

// Fields reads header fields by their canonical name; http.Header has it.
type Fields interface {
	Values(name string) []string
}

// Request is what the cache needs to know of a request.
type Request struct {
	// Method is as the client sent it.
	Method string
	// Scheme is http or https, Host the authority that the client asked for.
	Scheme, Host string
	// Target is the path, with "?" and the query if there is one, byte for byte
	// as it goes to the origin: what differs there must not share an answer.
	Target string
	// Header is read until the fetch that the request may start has an answer,
	// which can be after the client is gone, and must not change until then.
	Header Fields
	// HasBody: there is a body, or one is announced.
	HasBody bool
}

// bypassFields name what the cache does not take part in: parts of a response,
// preconditions for the origin to judge, other protocols.
var bypassFields = []string{"Range", "If-Range", "If-Match", "If-Unmodified-Since", "Upgrade"}

// Safe tells whether the method changes nothing (RFC 9110, section 9.2.1). One
// that is not known is unsafe.
func (r *Request) Safe() bool {
	switch r.Method {
	case "GET", "HEAD", "OPTIONS", "TRACE":
		return true
	}
	return false
}

// bypass gives the reason why the cache takes no part in a request, "" if it does.
func (r *Request) bypass(d *directives) Reason {
	if r.Method != "GET" && r.Method != "HEAD" {
		return Method
	}
	if r.HasBody {
		return Bypass
	}
	for _, name := range bypassFields {
		if len(r.Header.Values(name)) > 0 {
			return Bypass
		}
	}
	if r.strips() {
		return Bypass
	}
	if d.noStore {
		return Demand
	}
	return ""
}

// strips tells whether Connection names fields of the request (RFC 9110, section
// 7.6.1). The origin does not see those, so that what it answers is not for the
// requests that have the same fields and pass them on.
func (r *Request) strips() bool {
	for _, line := range r.Header.Values("Connection") {
		for option := range strings.SplitSeq(line, ",") {
			switch strings.ToLower(trimSpace(option)) {
			case "", "close", "keep-alive", "upgrade", "te":
			default:
				return true
			}
		}
	}
	return false
}

func (r *Request) authorized() bool { return len(r.Header.Values("Authorization")) > 0 }

// directives gives those of the request; most have none.
func (r *Request) directives() directives {
	lines := r.Header.Values("Cache-Control")
	if len(lines) == 0 {
		return directives{maxAge: -1}
	}
	return parseDirectives(lines)
}
