package cache

import (
	"maps"
	"net/textproto"
	"slices"
	"strings"
)

// Header holds a response's fields under their canonical names. http.Header can
// be converted to it.
type Header map[string][]string

// Values gives the lines of a field. The name is canonical.
func (h Header) Values(name string) []string { return h[name] }

// Field is a field of a stored response. Values must not be changed; to append to
// them makes a copy.
type Field struct {
	Name   string
	Values []string
}

// perMessage are fields that speak of one message or connection and not of the
// response (RFC 9111, section 3.1). The cache computes the last two itself.
var perMessage = []string{
	"Connection", "Keep-Alive", "Proxy-Connection", "Proxy-Authenticate",
	"Proxy-Authentication-Info", "Proxy-Authorization", "Te", "Trailer",
	"Transfer-Encoding", "Upgrade", "Age", "Content-Length",
}

// storedFields gives what is kept of a header, by name.
func storedFields(h Header, exposeTags bool) []Field {
	dropped := slices.Clone(perMessage)
	for _, line := range h.Values("Connection") {
		for name := range strings.SplitSeq(line, ",") {
			dropped = append(dropped, textproto.CanonicalMIMEHeaderKey(trimSpace(name)))
		}
	}
	if !exposeTags {
		dropped = append(dropped, tagFields...)
	}
	fields := make([]Field, 0, len(h))
	for _, name := range slices.Sorted(maps.Keys(h)) {
		if !slices.Contains(dropped, name) {
			fields = append(fields, Field{name, slices.Clip(slices.Clone(h[name]))})
		}
	}
	return fields
}
