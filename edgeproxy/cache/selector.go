package cache

import "strings"

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

// keySelector reads a key: a path covers every host and query, a path with "?"
// every host, an absolute URL exactly itself.
func keySelector(key string) selector {
	prefix, ok := strings.CutSuffix(key, wildcard)
	switch {
	case !ok:
		return selector{kindKey, canonicalKey(key)}
	case prefix == "":
		return everything
	}
	return selector{kindKeyPrefix, canonicalPrefix(prefix)}
}

func canonicalKey(key string) string {
	scheme, host, target, ok := splitURL(key)
	if !ok {
		return key
	}
	if !strings.HasPrefix(target, "/") {
		target = "/" + target
	}
	return newPlace(scheme, host, target).url
}

// canonicalPrefix cuts a prefix that ends inside the port back to the host: the
// URLs that it means may have lost a default port. It covers too much then, never
// too little.
func canonicalPrefix(prefix string) string {
	if strings.HasPrefix(prefix, "/") {
		return prefix
	}
	scheme, host, target, ok := splitURL(prefix)
	if !ok {
		return strings.ToLower(prefix)
	}
	if target != "" {
		return newPlace(scheme, host, target).url
	}
	if colon := strings.LastIndexByte(host, ':'); colon > strings.LastIndexByte(host, ']') && !openBracket(host) {
		host = host[:colon]
	}
	return strings.ToLower(scheme + "://" + host)
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
