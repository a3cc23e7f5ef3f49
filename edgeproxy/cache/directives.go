package cache

import "github.com/ringcast/ringcast/edgeproxy/cache/httpfield"

// targetedFields rule a response in place of Cache-Control and Expires, the first
// that is valid and not empty (RFC 9213, section 2.2).
var targetedFields = []string{"Ringcast-Cache-Control", "Cdn-Cache-Control"}

// directives are those that rule a response.
type directives struct {
	httpfield.Response
	// targeted: they are of a targeted field.
	targeted bool
}

func directivesOf(h Header) directives {
	for _, name := range targetedFields {
		if d, ok := httpfield.ParseTargeted(h.Values(name)); ok {
			return directives{d, true}
		}
	}
	return directives{httpfield.ParseResponse(h.Values("Cache-Control")), false}
}

// explicitlyShared: the origin says that shared caches may store the response,
// whoever asked for it and whatever it sets.
func (d *directives) explicitlyShared() bool {
	return d.Public || d.SharedMaxAge >= 0 || d.targeted
}

// omitted are the fields that are not stored: those that only the client may have
// and those that would need validation with each use (RFC 9111, sections 5.2.2.4
// and 5.2.2.7).
func (d *directives) omitted() []string {
	if len(d.NoCacheFields) == 0 {
		return d.PrivateFields
	}
	return append(d.NoCacheFields[:len(d.NoCacheFields):len(d.NoCacheFields)], d.PrivateFields...)
}
