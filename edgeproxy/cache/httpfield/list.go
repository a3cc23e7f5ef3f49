package httpfield

import (
	"iter"
	"strings"
)

// ListElements gives the elements of a comma-separated list over all lines of a
// field (RFC 9110, section 5.6.1), without the whitespace around them. A comma
// inside a quoted string does not end an element, a quote that is not closed
// reaches to the end of its line, and empty elements are left out.
func ListElements(lines []string) iter.Seq[string] {
	return func(yield func(string) bool) {
		for _, line := range lines {
			for line != "" {
				var element string
				element, line, _ = cut(line, ',')
				if element = trim(element); element != "" && !yield(element) {
					return
				}
			}
		}
	}
}

// cut is strings.Cut around the first separator outside quoted strings.
func cut(s string, separator byte) (before, after string, found bool) {
	for i := 0; i < len(s); i++ {
		switch s[i] {
		case separator:
			return s[:i], s[i+1:], true
		case '"':
			n, closed := quotedLen(s[i:])
			if !closed {
				return s, "", false
			}
			i += n - 1
		}
	}
	return s, "", false
}

// quotedLen is the length of the quoted string at the start of s, which starts
// with a quote (RFC 9110, section 5.6.4).
func quotedLen(s string) (n int, closed bool) {
	for i := 1; i < len(s); i++ {
		switch s[i] {
		case '"':
			return i + 1, true
		case '\\':
			i++
		}
	}
	return len(s), false
}

func quotesClosed(s string) bool {
	for i := 0; i < len(s); i++ {
		if s[i] == '"' {
			n, closed := quotedLen(s[i:])
			if !closed {
				return false
			}
			i += n - 1
		}
	}
	return true
}

// unquote gives what a quoted string stands for. It is false where s is not one
// quoted string and nothing else.
func unquote(s string) (text string, ok bool) {
	if s == "" || s[0] != '"' {
		return "", false
	}
	if n, closed := quotedLen(s); !closed || n != len(s) {
		return "", false
	}
	s = s[1 : len(s)-1]
	if !strings.Contains(s, `\`) {
		return s, true
	}
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] == '\\' {
			i++
		}
		b.WriteByte(s[i])
	}
	return b.String(), true
}

// combine gives the lines of a field as one (RFC 9110, section 5.3).
func combine(lines []string) string {
	if len(lines) == 1 {
		return trim(lines[0])
	}
	trimmed := make([]string, len(lines))
	for i, line := range lines {
		trimmed[i] = trim(line)
	}
	return trim(strings.Join(trimmed, ", "))
}
