package cache

import (
	"fmt"
	"net/url"
	"strings"
)

// kind says how a fence selects; the values are those of the fences table.
type kind string

const (
	kindAll       kind = "all"
	kindTag       kind = "tag"
	kindTagPrefix kind = "tag_prefix"
	kindKey       kind = "key"
	kindKeyPrefix kind = "key_prefix"
)

// wildcard at the end of a tag or key makes a prefix of what stands before it.
const wildcard = "*"

// selector names what a fence covers. The text of kindAll is empty.
type selector struct {
	kind kind
	text string
}

var everything = selector{kind: kindAll}

func tagSelector(tag string) selector {
	prefix, ok := strings.CutSuffix(tag, wildcard)
	switch {
	case !ok:
		return selector{kindTag, tag}
	case prefix == "":
		return everything
	}
	return selector{kindTagPrefix, prefix}
}

// keySelectors reads a key: a path covers every host and query, a path with "?"
// every host, an absolute URL itself, of either scheme. What it names is percent-encoded as in
// cache keys. A key that covers more than it says is harmless, one that covers less
// is not.
func keySelectors(key string) []selector {
	text, open := strings.CutSuffix(key, wildcard)
	kind := kindKey
	switch {
	case open && text == "":
		return []selector{everything}
	case open:
		kind = kindKeyPrefix
	}
	var list []selector
	origin, target := splitKey(text, open)
	for _, target := range spellings(target, open) {
		list = append(list, selector{kind, origin + target})
	}
	return list
}

// splitKey gives what stands before the target, nothing for a path, and the target,
// empty where an open key ends before it.
func splitKey(text string, open bool) (site, target string) {
	if strings.HasPrefix(text, "/") {
		return "", text
	}
	host, target, ok := splitURL(text)
	switch {
	case !ok && open && strings.HasPrefix("https://", lower(text)):
		return anyScheme, ""
	case !ok:
		return text, ""
	case target == "" && open:
		return anyScheme + openHost(lower(host)), ""
	case !strings.HasPrefix(target, "/"):
		target = "/" + target
	}
	return anyScheme + siteHost(host), target
}

// openHost cuts one that ends inside the port back to the host: the URLs that are
// meant may have lost a default port.
func openHost(host string) string {
	if colon := strings.LastIndexByte(host, ':'); colon > strings.LastIndexByte(host, ']') && !openBracket(host) {
		return host[:colon]
	}
	return host
}

// spellings gives the targets of the requests that one in a key may mean. Those that
// are valid are sent as they are. What no URL may hold clients encode, each byte by
// itself; where it comes as it is, the edge encodes the whole path anew (see
// EscapedPath of net/url), and that does not leave every other byte alone. Of the rest of
// an open path it is not known which it will be.
func spellings(target string, open bool) []string {
	path, query, asked := strings.Cut(target, "?")
	if asked {
		query = "?" + query
	}
	open = open && !asked
	encoded := encode(path)
	anew, ok := encodeAnew(path, open)
	switch {
	case !ok, anew == encoded, encoded == path && !open:
		return []string{encoded + query}
	case open:
		return []string{encoded, anew}
	}
	return []string{anew + query, encoded + query}
}

// encode leaves alone what a path may hold (RFC 3986, section 3.3), what is encoded
// already, and brackets.
func encode(path string) string {
	var b strings.Builder
	for i := range len(path) {
		if c := path[i]; isHostChar(c) || strings.IndexByte("/:@[]%", c) >= 0 {
			b.WriteByte(c)
		} else {
			fmt.Fprintf(&b, "%%%02X", c)
		}
	}
	return b.String()
}

// encodeAnew fails where no request can have the path. An open one may end inside
// of what is encoded.
func encodeAnew(path string, open bool) (string, bool) {
	if i := strings.LastIndexByte(path, '%'); open && i >= 0 && i+2 >= len(path) {
		path = path[:i]
	}
	decoded, err := url.PathUnescape(path)
	return (&url.URL{Path: decoded}).EscapedPath(), err == nil
}

func openBracket(host string) bool {
	return strings.HasPrefix(host, "[") && !strings.Contains(host, "]")
}

// splitURL cuts an absolute URL before its path or query. A fragment never
// reaches a server and is dropped.
func splitURL(s string) (host, target string, ok bool) {
	_, rest, ok := strings.Cut(s, "://")
	rest, _, _ = strings.Cut(rest, "#")
	if end := strings.IndexAny(rest, "/?"); end >= 0 {
		return rest[:end], rest[end:], ok
	}
	return rest, "", ok
}
