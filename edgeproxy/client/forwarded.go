package client

import "strings"

// readForwarded reads a forwarded-element (RFC 7239, section 4). Where it is not
// well-formed, or repeats a parameter, nothing in it counts. Two things are taken
// though they are not in the grammar, since proxies write them: whitespace around
// semicolons, and values that lack the quotes that they need.
func readForwarded(element string) hop {
	var values [parameters]string
	var has [parameters]bool
	for rest := element; rest != ""; {
		name, value, after, ok := pair(rest)
		i := parameter(name)
		if !ok || has[i] {
			return hop{}
		}
		values[i], has[i] = value, i != extension
		rest = after
	}
	return hop{addr: readNode(values[paramFor]), scheme: readScheme(values[paramProto])}
}

// The parameters that the RFC defines, which must not repeat, and all others.
const (
	paramFor = iota
	paramProto
	paramBy
	paramHost
	extension
	parameters
)

func parameter(name string) int {
	switch {
	case strings.EqualFold(name, "for"):
		return paramFor
	case strings.EqualFold(name, "proto"):
		return paramProto
	case strings.EqualFold(name, "by"):
		return paramBy
	case strings.EqualFold(name, "host"):
		return paramHost
	}
	return extension
}

// pair reads the first forwarded-pair and gives what is after its semicolon. A pair
// may be empty: it has no name then.
func pair(s string) (name, value, rest string, ok bool) {
	s = trim(s)
	if s == "" || s[0] == ';' {
		return "", "", strings.TrimPrefix(s, ";"), true
	}
	name, s, ok = strings.Cut(s, "=")
	if !ok || name == "" || !every(name, isToken) {
		return "", "", "", false
	}
	if strings.HasPrefix(s, `"`) {
		value, s, ok = quoted(s[1:])
	} else {
		value, s, ok = bare(s)
	}
	if s = trim(s); !ok || s != "" && s[0] != ';' {
		return "", "", "", false
	}
	return name, value, strings.TrimPrefix(s, ";"), true
}

// bare reads a value without quotes, which is not empty.
func bare(s string) (value, rest string, ok bool) {
	end := strings.IndexAny(s, "; \t")
	if end < 0 {
		end = len(s)
	}
	return s[:end], s[end:], end > 0 && every(s[:end], isBare)
}

// quoted reads the rest of a quoted-string (RFC 9110, section 5.6.4).
func quoted(s string) (value, rest string, ok bool) {
	var unescaped []byte // of what is before start
	start := 0
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case c == '"' && unescaped == nil:
			return s[:i], s[i+1:], true
		case c == '"':
			return string(append(unescaped, s[start:i]...)), s[i+1:], true
		case !isText(c):
			return "", "", false
		case c == '\\':
			if i+1 == len(s) || !isText(s[i+1]) {
				return "", "", false
			}
			unescaped = append(append(unescaped, s[start:i]...), s[i+1])
			i++
			start = i + 1
		}
	}
	return "", "", false
}

// isText tells the signs of a quoted-string. Bytes from 0x80 on are obs-text.
func isText(c byte) bool { return c == '\t' || c >= ' ' && c != 0x7f }

// isBare tells the signs of a value without quotes: what is visible, but for those
// that would end or quote it.
func isBare(c byte) bool { return '!' <= c && c <= '~' && c != '"' && c != '\\' && c != ',' }

// isToken tells the signs of a token (RFC 9110, section 5.6.2).
func isToken(c byte) bool {
	return isAlphanumeric(c) || strings.IndexByte("!#$%&'*+-.^_`|~", c) >= 0
}
