package client

import "strings"

// tail gives the elements of a list field (RFC 9110, section 5.6.1) from the last
// to the first, without empty ones and the whitespace around them. It begins at
// the end, because what a client sent, such as a quote that does not end, must not
// change how the rest is read.
type tail struct {
	// lines are those of the field that are not begun, in the order of the message.
	lines []string
	// quotes: commas in quoted strings do not part elements.
	quotes bool
	// cut: maxBytes were looked at, and there is more.
	cut bool

	line string // the rest of the line that is begun
	more bool   // there is an element in it, be it empty
	seen int    // bytes looked at, and lines
}

// next is false at the beginning of the field, and where too much was looked at.
func (t *tail) next() (element string, ok bool) {
	for t.begin() {
		element, ok := t.last()
		if !ok {
			t.cut = true
			return "", false
		}
		if element = trim(element); element != "" {
			return element, true
		}
	}
	return "", false
}

// begin goes to the line before where there is nothing left of this one.
func (t *tail) begin() bool {
	if t.more || t.cut || len(t.lines) == 0 {
		return t.more && !t.cut
	}
	t.line, t.lines, t.more = t.lines[len(t.lines)-1], t.lines[:len(t.lines)-1], true
	t.seen++
	return true
}

// last takes the last element off the line. It is false where its beginning is
// beyond what may be looked at.
func (t *tail) last() (string, bool) {
	hidden := max(len(t.line)-max(maxBytes-t.seen, 0), 0)
	window := t.line[hidden:]
	comma := t.comma(window)
	if comma < 0 && hidden > 0 || t.seen > maxBytes {
		return "", false
	}
	element := window[comma+1:]
	t.seen += len(element) + 1
	t.line, t.more = t.line[:hidden+max(comma, 0)], comma >= 0
	return element, true
}

// comma finds the last one that parts elements, -1 if there is none.
func (t *tail) comma(s string) int {
	if !t.quotes {
		return strings.LastIndexByte(s, ',')
	}
	quoted := false
	for i := len(s) - 1; i >= 0; i-- {
		switch {
		case s[i] == '"' && !(quoted && escaped(s[:i])):
			quoted = !quoted
		case s[i] == ',' && !quoted:
			return i
		}
	}
	return -1
}

// escaped tells whether what follows s in a quoted string is the second half of a
// quoted-pair.
func escaped(s string) bool {
	return (len(s)-len(strings.TrimRight(s, `\`)))%2 == 1
}

func trim(s string) string { return strings.Trim(s, " \t") }
