package cache

import (
	"net/textproto"
	"slices"
	"strings"
)

// absent stands for a field that a request does not have. No field has this value.
const absent = "\x00"

// variant says which requests a response answers: those whose fields named by
// Vary have the same values (RFC 9111, section 4.1).
type variant struct{ names, values []string }

// newVariant is false where Vary matches no request ever ("*"), or names what the
// edge itself tells the origin.
func newVariant(vary []string, request Fields) (v variant, ok bool) {
	for _, line := range vary {
		for name := range strings.SplitSeq(line, ",") {
			if name = trimSpace(name); name == "*" || forwarding(name) {
				return variant{}, false
			} else if name != "" {
				v.names = append(v.names, textproto.CanonicalMIMEHeaderKey(name))
			}
		}
	}
	slices.Sort(v.names)
	v.names = slices.Compact(v.names)
	for _, name := range v.names {
		v.values = append(v.values, fieldValue(request, name))
	}
	return v, true
}

func (v *variant) matches(request Fields) bool {
	for i, name := range v.names {
		if fieldValue(request, name) != v.values[i] {
			return false
		}
	}
	return true
}

// equal tells whether two variants answer the same requests.
func (v *variant) equal(w *variant) bool {
	return slices.Equal(v.names, w.names) && slices.Equal(v.values, w.values)
}

// fieldValue gives a field's lines as one.
func fieldValue(h Fields, name string) string {
	switch lines := h.Values(name); len(lines) {
	case 0:
		return absent
	case 1:
		return trimSpace(lines[0])
	default:
		trimmed := make([]string, len(lines))
		for i, line := range lines {
			trimmed[i] = trimSpace(line)
		}
		return strings.Join(trimmed, ", ")
	}
}

// forwarding tells the fields that the edge sends in place of the client's own.
func forwarding(name string) bool {
	name = strings.ToLower(name)
	return name == "forwarded" || strings.HasPrefix(name, "x-forwarded-")
}
