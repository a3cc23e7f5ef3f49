package cache

import (
	"net/netip"
	"slices"
	"strings"

	"github.com/ringcast/ringcast/edgeproxy/cache/httpfield"
)

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
	// Client is who asks, for what it is told of freshness.
	Client netip.Addr
	// Identified: the origin is told who asks, and may answer for that user alone, as
	// to Authorization.
	Identified bool
}

// Key is the cache key: the absolute URL.
func (r *Request) Key() string { return newPlace(r.Scheme, r.Host, r.Target).url }

// bypassFields name what the cache does not take part in: preconditions for the
// origin to judge (RFC 9110, section 13.2.1), other protocols.
var bypassFields = []string{"If-Match", "If-Unmodified-Since", "Upgrade"}

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
func (r *Request) bypass() Reason {
	if r.Method != "GET" && r.Method != "HEAD" {
		return Method
	}
	if r.HasBody || slices.ContainsFunc(bypassFields, r.has) || r.strips() {
		return Bypass
	}
	return ""
}

func (r *Request) has(name string) bool { return len(r.Header.Values(name)) > 0 }

// ranged tells whether a part is asked for. Other methods have no ranges (RFC 9110,
// section 14.2).
func (r *Request) ranged() bool { return r.Method == "GET" && r.has("Range") }

// strips tells whether Connection names fields of the request (RFC 9110, section
// 7.6.1). The origin does not see those, so that what it answers is not for the
// requests that have the same fields and pass them on.
func (r *Request) strips() bool {
	for option := range httpfield.ListElements(r.Header.Values("Connection")) {
		switch strings.ToLower(option) {
		case "close", "keep-alive", "upgrade", "te":
		default:
			return true
		}
	}
	return false
}

func (r *Request) authorized() bool { return r.Identified || r.has("Authorization") }

// directives gives those of the request; most have none.
func (r *Request) directives() httpfield.Request {
	return httpfield.ParseRequest(r.Header.Values("Cache-Control"), r.Header.Values("Pragma"))
}
