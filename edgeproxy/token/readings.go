package token

import (
	"net/url"
	"slices"
	"strings"
	"unicode/utf8"
)

const (
	// maxReadings bounds the ways in which one path is read. A path that has more
	// was made to confuse, and gets the strictest mode.
	maxReadings = 48
	// maxReadable is the length in bytes of a path up to which its readings are
	// looked for. With maxReadings it bounds the work that a path can cause.
	maxReadable = 4 << 10
)

// isPlain tells whether every server reads the path alike, but for the case of its
// letters: one without escapes, empty segments, segments that end with a dot, and
// characters that mean something to some server.
func isPlain(path string) bool {
	before := byte(0)
	for i := range len(path) {
		c := path[i]
		switch {
		case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', c >= '0' && c <= '9', c == '-', c == '_', c == '~':
		case c == '/' && before != '/' && before != '.':
		case c == '.':
		default:
			return false
		}
		before = c
	}
	return strings.HasPrefix(path, "/") && before != '.'
}

// readings gives everything that some server may take an escaped path for. What
// servers do differently, and some of them twice or in another order, is done in
// each order, until nothing new comes of it. It is not ok where the path cannot be
// read, or in too many ways.
func readings(path string) (all []string, ok bool) {
	if path == "" {
		path = "/" // RFC 9112, section 3.2.1
	}
	if len(path) > maxReadable || !isReadable(path) {
		return nil, false
	}
	all = []string{path}
	for i := 0; i < len(all); i++ {
		for _, turn := range []func(string) string{
			foldSlashes, cutParameters, cutQuery, mergeSlashes, trimSegments, removeDots, fold,
		} {
			all = addReading(all, turn(all[i]))
		}
		decoded, err := url.PathUnescape(all[i])
		if err != nil || !isReadable(decoded) {
			return nil, false
		}
		if all = addReading(all, decoded); len(all) > maxReadings {
			return nil, false
		}
	}
	return all, true
}

func addReading(all []string, reading string) []string {
	if slices.Contains(all, reading) {
		return all
	}
	return append(all, reading)
}

// isReadable is false for what some servers cut, drop or replace.
func isReadable(path string) bool {
	return strings.HasPrefix(path, "/") && utf8.ValidString(path) &&
		!strings.ContainsFunc(path, func(r rune) bool { return r < ' ' || r >= 0x7f && r < 0xa0 })
}

// foldSlashes reads a backslash as a slash.
func foldSlashes(path string) string { return strings.ReplaceAll(path, `\`, "/") }

// cutParameters removes what is behind the semicolon in each segment (RFC 3986,
// section 3.3).
func cutParameters(path string) string {
	if !strings.Contains(path, ";") {
		return path
	}
	return eachSegment(path, func(segment string) string {
		name, _, _ := strings.Cut(segment, ";")
		return name
	})
}

// cutQuery ends the path where a decoded query or fragment begins.
func cutQuery(path string) string {
	if at := strings.IndexAny(path, "?#"); at > 0 {
		return path[:at]
	}
	return path
}

func mergeSlashes(path string) string {
	for strings.Contains(path, "//") {
		path = strings.ReplaceAll(path, "//", "/")
	}
	return path
}

// trimSegments removes the dots and spaces at the ends of names, as Windows does.
func trimSegments(path string) string {
	return eachSegment(path, func(segment string) string {
		spaceless := strings.TrimRight(segment, " ")
		if name := strings.TrimRight(segment, " ."); name != "" {
			return name
		}
		return spaceless
	})
}

func eachSegment(path string, change func(string) string) string {
	segments := strings.Split(path, "/")
	for i, segment := range segments {
		segments[i] = change(segment)
	}
	return strings.Join(segments, "/")
}

// removeDots is that of RFC 3986, section 5.2.4, which keeps empty segments.
func removeDots(path string) string {
	if !strings.Contains(path, "/.") {
		return path
	}
	var kept []string
	segments := strings.Split(path, "/")[1:]
	for i, segment := range segments {
		dots := segment == "." || segment == ".."
		if segment == ".." && len(kept) > 0 {
			kept = kept[:len(kept)-1]
		}
		if !dots {
			kept = append(kept, segment)
		} else if i == len(segments)-1 {
			kept = append(kept, "")
		}
	}
	return "/" + strings.Join(kept, "/")
}

// fold removes the differences of case, such as that of the Kelvin sign and k,
// which strings.EqualFold takes for equal at different lengths.
func fold(path string) string { return strings.ToLower(strings.ToUpper(path)) }
