package httpfield

import (
	"net/textproto"
	"slices"
	"strings"
)

const (
	// maxVary bounds what one look-up compares. A response that varies on more
	// fields counts as one that suits no other request.
	maxVary = 64
	// maxElements bounds the sorting of what a client sends: a list of more elements
	// is compared as it came.
	maxElements = 256
)

// ParseVary reads a Vary field: the canonical names of the fields that selected
// the response, sorted, each once. matchNone, without names, stands for "*" in any
// place: the response suits no other request (RFC 9111, section 4.1). So does a
// member that is no field name, because nobody can say what was meant, and a
// response that varies on more than 64 fields.
func ParseVary(lines []string) (names []string, matchNone bool) {
	for _, line := range lines {
		for name := range strings.SplitSeq(line, ",") {
			if name = trim(name); name == "" {
				continue
			}
			if name == "*" || !isToken(name) {
				return nil, true
			}
			name = textproto.CanonicalMIMEHeaderKey(name)
			at, found := slices.BinarySearch(names, name)
			if found {
				continue
			}
			if len(names) == maxVary {
				return nil, true
			}
			names = slices.Insert(names, at, name)
		}
	}
	return names, false
}

// NormalizeSelecting gives the value of a request's field as a response's Vary
// compares it: equal where the fields have the same meaning (RFC 9111, section
// 4.1). present is false where there are no lines, which is not the same as an
// empty value.
//
// The lines are combined and trimmed. What a response is negotiated by, Accept,
// Accept-Encoding, Accept-Language and Accept-Charset, is also put in lower case
// and in order, without empty elements and without whitespace around commas and
// semicolons. RFC 9110, section 12.5, lets preference be told by weights alone,
// so that the order of elements means nothing (for languages it says that the
// order cannot be relied upon), and it compares types, codings, languages,
// charsets and names of parameters without case. Values of parameters stay as they
// are: a media type may define one to be case-sensitive. So does a list with a
// quote that is not closed, or with more than 256 elements.
func NormalizeSelecting(name string, lines []string) (value string, present bool) {
	if len(lines) == 0 {
		return "", false
	}
	value = combine(lines)
	switch name {
	case "Accept", "Accept-Encoding", "Accept-Language", "Accept-Charset":
		return normalizeList(value), true
	}
	return value, true
}

func normalizeList(list string) string {
	if !quotesClosed(list) {
		return list
	}
	var few [16]string
	elements := few[:0]
	for element := range ListElements([]string{list}) {
		if len(elements) == maxElements {
			return list
		}
		elements = append(elements, normalizeElement(element))
	}
	slices.Sort(elements)
	return strings.Join(elements, ",")
}

func normalizeElement(element string) string {
	if !strings.ContainsAny(element, " \t") && lower(element) == element {
		return element
	}
	var b strings.Builder
	for more := true; more; {
		var part string
		part, element, more = cut(element, ';')
		b.WriteString(lowerName(trim(part)))
		if more {
			b.WriteByte(';')
		}
	}
	return b.String()
}

// lowerName lowers all of a parameter but its value.
func lowerName(parameter string) string {
	i := strings.IndexAny(parameter, `="`)
	if i < 0 {
		return lower(parameter)
	}
	return lower(parameter[:i]) + parameter[i:]
}
