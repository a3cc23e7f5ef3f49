package cache

import (
	"iter"
	"strconv"
	"strings"
	"time"
)

// maxSeconds is what a larger number of seconds counts as (RFC 9111, section
// 1.2.2).
const maxSeconds = 1 << 31

// directives are those of a Cache-Control field that the cache knows (RFC 9111,
// section 5.2, and RFC 5861). A time that is absent is negative.
type directives struct {
	noStore, noCache, private, public bool
	mustRevalidate, proxyRevalidate   bool

	maxAge, sharedMaxAge               time.Duration
	staleWhileRevalidate, staleIfError time.Duration
}

// parseDirectives reads the lines of a Cache-Control field. Of a directive that
// is repeated the first counts, and a time that is not a number is 0. Field names
// given to private and no-cache are not told apart: the directive is taken for
// the whole response.
func parseDirectives(lines []string) directives {
	d := directives{maxAge: -1, sharedMaxAge: -1, staleWhileRevalidate: -1, staleIfError: -1}
	for name, value := range eachDirective(lines) {
		switch strings.ToLower(name) {
		case "no-store":
			d.noStore = true
		case "no-cache":
			d.noCache = true
		case "private":
			d.private = true
		case "public":
			d.public = true
		case "must-revalidate":
			d.mustRevalidate = true
		case "proxy-revalidate":
			d.proxyRevalidate = true
		case "max-age":
			setOnce(&d.maxAge, value)
		case "s-maxage":
			setOnce(&d.sharedMaxAge, value)
		case "stale-while-revalidate":
			setOnce(&d.staleWhileRevalidate, value)
		case "stale-if-error":
			setOnce(&d.staleIfError, value)
		}
	}
	return d
}

func setOnce(d *time.Duration, value string) {
	if *d < 0 {
		*d, _ = parseSeconds(value)
	}
}

// parseSeconds reads delta-seconds (RFC 9111, section 1.2.2).
func parseSeconds(s string) (d time.Duration, ok bool) {
	if s == "" || strings.Trim(s, "0123456789") != "" {
		return 0, false
	}
	n, err := strconv.ParseUint(s, 10, 64)
	if err != nil || n > maxSeconds {
		n = maxSeconds
	}
	return time.Duration(n) * time.Second, true
}

// eachDirective gives the names and unquoted values of a list of directives.
func eachDirective(lines []string) iter.Seq2[string, string] {
	return func(yield func(name, value string) bool) {
		for _, line := range lines {
			for line != "" {
				var part string
				part, line = cutElement(line)
				name, value, _ := strings.Cut(part, "=")
				if name = trimSpace(name); name != "" && !yield(name, unquote(trimSpace(value))) {
					return
				}
			}
		}
	}
}

// cutElement cuts a list after its first element (RFC 9110, section 5.6.1). A
// comma inside a quoted string does not end one.
func cutElement(list string) (element, rest string) {
	quoted := false
	for i := 0; i < len(list); i++ {
		switch {
		case list[i] == '"':
			quoted = !quoted
		case list[i] == '\\' && quoted:
			i++
		case list[i] == ',' && !quoted:
			return list[:i], list[i+1:]
		}
	}
	return list, ""
}

// unquote gives what a quoted string stands for (RFC 9110, section 5.6.4), and
// anything else as it is.
func unquote(s string) string {
	if len(s) < 2 || s[0] != '"' || s[len(s)-1] != '"' {
		return s
	}
	s = s[1 : len(s)-1]
	if !strings.Contains(s, `\`) {
		return s
	}
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] == '\\' && i+1 < len(s) {
			i++
		}
		b.WriteByte(s[i])
	}
	return b.String()
}

func trimSpace(s string) string { return strings.Trim(s, " \t") }
