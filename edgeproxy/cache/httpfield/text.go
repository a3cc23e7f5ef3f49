package httpfield

import "strings"

// trim takes away optional whitespace (RFC 9110, section 5.6.3).
func trim(s string) string { return strings.Trim(s, " \t") }

// lower lowers the ASCII letters and leaves every other byte alone. The functions
// of package strings would fold foreign letters into ASCII ones and mend broken
// UTF-8, which makes equal what is not.
func lower(s string) string {
	isUpper := func(c byte) bool { return 'A' <= c && c <= 'Z' }
	for i := range len(s) {
		if !isUpper(s[i]) {
			continue
		}
		b := []byte(s)
		for j := i; j < len(b); j++ {
			if isUpper(b[j]) {
				b[j] |= 0x20
			}
		}
		return string(b)
	}
	return s
}

// isToken tells a token (RFC 9110, section 5.6.2), which is also what a field
// name is.
func isToken(s string) bool {
	for i := range len(s) {
		if !isTokenChar(s[i]) {
			return false
		}
	}
	return s != ""
}

func isTokenChar(c byte) bool {
	switch {
	case '0' <= c && c <= '9', 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z':
		return true
	}
	return strings.IndexByte("!#$%&'*+-.^_`|~", c) >= 0
}

// number reads 1*DIGIT. What is larger than the limit counts as the limit.
func number(s string, limit int64) (n int64, ok bool) {
	for i := range len(s) {
		if s[i] < '0' || s[i] > '9' {
			return 0, false
		}
		digit := int64(s[i] - '0')
		if n > (limit-digit)/10 {
			n = limit
			continue
		}
		n = n*10 + digit
	}
	return n, s != ""
}
