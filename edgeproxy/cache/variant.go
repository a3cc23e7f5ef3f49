package cache

import (
	"slices"
	"strings"

	"github.com/ringcast/ringcast/edgeproxy/cache/httpfield"
)

// absent stands for a field that a request does not have. No field has this value.
const absent = "\x00"

// variant says which requests a response answers: those whose fields named by
// Vary have the same values (RFC 9111, section 4.1).
type variant struct {
	names []string
	// values are normalised, raw is as it came where that is one line.
	values, raw []string
}

// newVariant is false where Vary matches no request ever ("*"), or names what the
// edge itself tells the origin.
func newVariant(vary []string, request Fields) (v variant, ok bool) {
	names, anything := httpfield.ParseVary(vary)
	if anything || slices.ContainsFunc(names, forwarding) {
		return variant{}, false
	}
	v.names = names
	for _, name := range names {
		v.values = append(v.values, selecting(request, name))
		v.raw = append(v.raw, oneLine(request.Values(name)))
	}
	return v, true
}

// matches compares what was sent before it normalises: clients repeat themselves.
func (v *variant) matches(request Fields) bool {
	for i, name := range v.names {
		if v.raw[i] != absent && oneLine(request.Values(name)) == v.raw[i] {
			continue
		}
		if selecting(request, name) != v.values[i] {
			return false
		}
	}
	return true
}

// equal tells whether two variants answer the same requests.
func (v *variant) equal(w *variant) bool {
	return slices.Equal(v.names, w.names) && slices.Equal(v.values, w.values)
}

// selecting gives a field's lines as one, in the form in which requests are compared.
func selecting(h Fields, name string) string {
	value, present := httpfield.NormalizeSelecting(name, h.Values(name))
	if !present {
		return absent
	}
	return value
}

func oneLine(lines []string) string {
	if len(lines) == 1 {
		return lines[0]
	}
	return absent
}

// forwarding tells the fields that the edge sends in place of the client's own.
func forwarding(name string) bool {
	name = strings.ToLower(name)
	return name == "forwarded" || name == "via" || strings.HasPrefix(name, "x-forwarded-")
}
