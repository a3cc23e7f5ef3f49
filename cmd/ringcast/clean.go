package main

import (
	"strings"
	"unicode"
	"unicode/utf16"
	"unicode/utf8"
)

// clean makes text from elsewhere safe for one line of a terminal: line ends,
// tabs and their like become spaces; what else steers a terminal (ESC and the
// other control characters of ISO 6429), turns the direction of writing or is
// invisible is taken out.
func clean(text string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case unicode.IsSpace(r): // Zl and Zp among them
			return ' '
		case steers(r):
			return -1
		}
		return r
	}, text)
}

// cleanJSON does the same for JSON, where nothing needs to be lost: such
// characters can only stand in strings, and become \u escapes (RFC 8259, section 7).
func cleanJSON(text []byte) []byte {
	out := make([]byte, 0, len(text))
	for len(text) > 0 {
		r, size := utf8.DecodeRune(text)
		if r == '\n' || !steers(r) {
			out = append(out, text[:size]...)
		} else {
			out = appendEscape(out, r)
		}
		text = text[size:]
	}
	return out
}

// steers is true for control characters (Cc), format characters (Cf), and the
// separators of lines and paragraphs (Zl, Zp).
func steers(r rune) bool {
	return unicode.In(r, unicode.Cc, unicode.Cf, unicode.Zl, unicode.Zp)
}

func appendEscape(dst []byte, r rune) []byte {
	if high, low := utf16.EncodeRune(r); high != utf8.RuneError {
		return appendUnit(appendUnit(dst, high), low)
	}
	return appendUnit(dst, r)
}

func appendUnit(dst []byte, unit rune) []byte {
	const digits = "0123456789abcdef"
	return append(dst, '\\', 'u', digits[unit>>12&15], digits[unit>>8&15], digits[unit>>4&15], digits[unit&15])
}
