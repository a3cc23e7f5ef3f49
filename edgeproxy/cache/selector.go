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

// keySelector gives the first of keySelectors.
func keySelector(key string) selector { return keySelectors(key)[0] }

// keySelectors reads a key: a path covers every host and query, a path with "?"
// every host, an absolute URL exactly itself. What it names is percent-encoded as in
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

// splitKey gives what stands before the target in a cache key, nothing for a path,
// and the target, empty where an open key ends before it.
func splitKey(text string, open bool) (origin, target string) {
	if strings.HasPrefix(text, "/") {
		return "", text
	}
	scheme, host, target, ok := splitURL(text)
	scheme = lower(scheme)
	switch {
	case !ok:
		return lower(text), ""
	case target == "" && open:
		return scheme + "://" + openHost(lower(host)), ""
	case !strings.HasPrefix(target, "/"):
		target = "/" + target
	}
	return scheme + "://" + CanonicalHost(scheme, host), target
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
func splitURL(s string) (scheme, host, target string, ok bool) {
	if strings.HasPrefix(s, "/") {
		return "", "", "", false
	}
	scheme, rest, ok := strings.Cut(s, "://")
	if !ok {
		return "", "", "", false
	}
	rest, _, _ = strings.Cut(rest, "#")
	end := strings.IndexAny(rest, "/?")
	if end < 0 {
		return scheme, rest, "", true
	}
	return scheme, rest[:end], rest[end:], true
}
