package cache

import "strings"

// place is where a response lives, in the forms in which keys select it. The
// last two are parts of the first.
type place struct {
	// url is the absolute URL and the cache key.
	url string
	// target is the path with the query.
	target string
	// path is the target without "?" and the query.
	path string
}

// newPlace keeps target as it is: the origin gets the same bytes, and whatever it
// tells apart must have a key of its own.
func newPlace(scheme, host, target string) place {
	scheme = strings.ToLower(scheme)
	url := scheme + "://" + canonicalHost(scheme, host) + target
	return splitPlace(url, len(url)-len(target))
}

// placeOf reads a cache key.
func placeOf(url string) place {
	_, rest, _ := strings.Cut(url, "://")
	_, target, _ := strings.Cut(rest, "/")
	return splitPlace(url, max(len(url)-len(target)-1, 0))
}

func splitPlace(url string, authorityEnd int) place {
	target := url[authorityEnd:]
	path, _, _ := strings.Cut(target, "?")
	return place{url: url, target: target, path: path}
}

// origin is the scheme and authority (RFC 6454, section 4).
func (p *place) origin() string { return p.url[:len(p.url)-len(p.target)] }

// canonicalHost gives the authority in lower case, without the scheme's default
// port (RFC 9110, section 4.2.3).
func canonicalHost(scheme, host string) string {
	host = strings.ToLower(host)
	colon := strings.LastIndexByte(host, ':')
	if colon < 0 || strings.HasSuffix(host, "]") {
		return host
	}
	switch port := host[colon+1:]; {
	case port == "", scheme == "http" && port == "80", scheme == "https" && port == "443":
		return host[:colon]
	}
	return host
}
