package cache

import (
	"fmt"
	"strconv"
)

// CacheName is the name of this cache in a Cache-Status field.
const CacheName = "ringcast"

// Reason is why a request went to the origin (RFC 9211, section 2.2).
type Reason string

// Reasons, as Cache-Status writes them.
const (
	// Bypass: the request is of a kind that is not answered from the cache.
	Bypass Reason = "bypass"
	// Method: the same, for its method.
	Method Reason = "method"
	// URIMiss: nothing usable is stored for the URL.
	URIMiss Reason = "uri-miss"
	// VaryMiss: what is stored for the URL answers other requests.
	VaryMiss Reason = "vary-miss"
	// Stale: what is stored is no longer fresh.
	Stale Reason = "stale"
	// Demand: the request's own Cache-Control asks for it.
	Demand Reason = "request"
)

// Outcome is what the cache did for a request, to be told in Cache-Status.
type Outcome struct {
	// Hit: the request was answered without the origin. Else Reason says why not, or
	// Detail.
	Hit    bool
	Reason Reason
	// Status is the origin's status code, 0 where it gave none.
	Status int
	// Stored: the response is being stored.
	Stored bool
	// Collapsed: the answer to another client's request was shared.
	Collapsed bool
	// TTL is how long the response stays fresh, in seconds; less than 0 where it
	// is stale. It counts where HasTTL is set.
	TTL    int
	HasTTL bool
	// Key is the cache key, told where it is not empty.
	Key string
	// Detail says why there is neither a hit nor a forwarded request.
	Detail string
}

// String formats the outcome as a member of Cache-Status (RFC 9211, section 2).
func (o Outcome) String() string {
	b := make([]byte, 0, 64)
	b = append(b, CacheName...)
	switch {
	case o.Hit:
		b = append(b, "; hit"...)
	case o.Detail != "":
		b = append(append(b, "; detail="...), o.Detail...)
	default:
		b = append(append(b, "; fwd="...), o.Reason...)
	}
	if !o.Hit && o.Status != 0 {
		b = strconv.AppendInt(append(b, "; fwd-status="...), int64(o.Status), 10)
	}
	if o.HasTTL {
		b = strconv.AppendInt(append(b, "; ttl="...), int64(o.TTL), 10)
	}
	if o.Stored {
		b = append(b, "; stored"...)
	}
	if o.Collapsed {
		b = append(b, "; collapsed"...)
	}
	if o.Key != "" {
		b = appendString(append(b, "; key="...), o.Key)
	}
	return string(b)
}

// appendString writes a String of RFC 9651, section 3.3.3. What it cannot hold is
// percent-encoded, as in a URL.
func appendString(b []byte, s string) []byte {
	b = append(b, '"')
	for i := range len(s) {
		switch c := s[i]; {
		case c == '"' || c == '\\':
			b = append(b, '\\', c)
		case c < ' ' || c > '~':
			b = fmt.Appendf(b, "%%%02X", c)
		default:
			b = append(b, c)
		}
	}
	return append(b, '"')
}
