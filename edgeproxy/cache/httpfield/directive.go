package httpfield

import (
	"iter"
	"net/textproto"
	"strings"
	"time"
)

// maxFields bounds the field names that a response may make the cache look at
// each time it is used.
const maxFields = 64

// directive is one of a Cache-Control field (RFC 9111, section 5.2).
type directive struct {
	// name is in lower case. One that is no token is that of no directive known.
	name string
	// argument is as it came after the equals sign, or empty, which no argument is,
	// where there was whitespace before the sign.
	argument string
	hasArg   bool
}

func directives(lines []string) iter.Seq[directive] {
	return func(yield func(directive) bool) {
		for element := range ListElements(lines) {
			name, argument, hasArg := strings.Cut(element, "=")
			if bare := trim(name); bare != name {
				name, argument = bare, ""
			}
			if !yield(directive{lower(name), argument, hasArg}) {
				return
			}
		}
	}
}

// text is the argument, which every directive takes as a token or as a quoted
// string, whatever it ought to be sent as.
func (d directive) text() (string, bool) {
	if isToken(d.argument) {
		return d.argument, true
	}
	return unquote(d.argument)
}

// seconds is the argument as delta-seconds, or invalid where it is none.
func (d directive) seconds(invalid time.Duration) time.Duration {
	if s, ok := d.text(); ok {
		if t, ok := parseSeconds(s); ok {
			return t
		}
	}
	return invalid
}

// appendFields appends the field names that qualify the directive, canonical. It
// is false where there are none, where one is no field name, or where there are
// more than maxFields: the directive is then meant, or taken, for everything.
func (d directive) appendFields(names []string) ([]string, bool) {
	list, ok := d.text()
	if !ok {
		return names, false
	}
	before := len(names)
	for name := range ListElements([]string{list}) {
		if !isToken(name) || len(names) == maxFields {
			return names, false
		}
		names = append(names, textproto.CanonicalMIMEHeaderKey(name))
	}
	return names, len(names) > before
}
