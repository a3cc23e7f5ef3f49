package httpfield

import "strings"

// MaxETags bounds what a request can have the cache compare.
const MaxETags = 1000

// EntityTag is a validator (RFC 9110, section 8.8.3). Opaque is without quotes.
type EntityTag struct {
	Weak   bool
	Opaque string
}

// String gives the tag as a field has it.
func (t EntityTag) String() string {
	if t.Weak {
		return `W/"` + t.Opaque + `"`
	}
	return `"` + t.Opaque + `"`
}

// StrongEqual compares as If-Match and If-Range do (RFC 9110, section 8.8.3.2).
func (t EntityTag) StrongEqual(u EntityTag) bool {
	return !t.Weak && !u.Weak && t.Opaque == u.Opaque
}

// WeakEqual compares as If-None-Match does (RFC 9110, section 8.8.3.2).
func (t EntityTag) WeakEqual(u EntityTag) bool { return t.Opaque == u.Opaque }

// ParseETag reads a field that is one entity tag, such as ETag. It is false where
// the field is anything else, several lines included.
func ParseETag(lines []string) (tag EntityTag, ok bool) {
	if len(lines) != 1 {
		return EntityTag{}, false
	}
	tag, rest, ok := cutETag(trim(lines[0]))
	if !ok || rest != "" {
		return EntityTag{}, false
	}
	return tag, true
}

// ParseETags reads an If-Match or If-None-Match field (RFC 9110, sections 13.1.1
// and 13.1.2): "*" alone sets matchAny, anything else is a list, over one line or
// several. Where ok is false the field is malformed, or has more than MaxETags
// tags, and the list is what could be read of it. No lines are an empty list.
func ParseETags(lines []string) (list []EntityTag, matchAny, ok bool) {
	if len(lines) == 1 && trim(lines[0]) == "*" {
		return nil, true, true
	}
	r := etagReader{}
	for _, line := range lines {
		for line = trim(line); line != ""; line = trim(line) {
			line = r.element(line)
		}
	}
	return r.list, false, !r.wrong
}

type etagReader struct {
	list  []EntityTag
	wrong bool
}

// element reads up to the next comma after a tag, and gives what follows it.
func (r *etagReader) element(s string) (rest string) {
	if s[0] == ',' {
		return s[1:]
	}
	tag, rest, ok := cutETag(s)
	junk, rest, _ := strings.Cut(rest, ",")
	if !ok || trim(junk) != "" || len(r.list) == MaxETags {
		r.wrong = true
		return rest
	}
	r.list = append(r.list, tag)
	return rest
}

// cutETag cuts a tag off the start of s. A backslash in it is a character like
// any other. Where no tag starts there the rest is all of s; where it has
// characters that it must not, the rest is what follows it.
func cutETag(s string) (tag EntityTag, rest string, ok bool) {
	opaque, weak := strings.CutPrefix(s, "W/")
	opaque, ok = strings.CutPrefix(opaque, `"`)
	if !ok {
		return EntityTag{}, s, false
	}
	opaque, rest, ok = strings.Cut(opaque, `"`)
	if !ok {
		return EntityTag{}, s, false
	}
	for i := range len(opaque) {
		if opaque[i] <= ' ' || opaque[i] == 0x7f {
			return EntityTag{}, rest, false
		}
	}
	return EntityTag{Weak: weak, Opaque: opaque}, rest, true
}
