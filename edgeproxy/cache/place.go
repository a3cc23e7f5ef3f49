package cache

import (
	"slices"
	"strings"
)

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
	scheme = lower(scheme)
	url := scheme + "://" + CanonicalHost(scheme, host) + target
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

// CanonicalHost gives an authority in lower case, without the port that is the
// default of the scheme, http or https (RFC 9110, section 4.2.3). Only ASCII letters
// have a lower case here: the letters that Unicode folds onto them make another host.
func CanonicalHost(scheme, host string) string {
	host = lower(host)
	switch name, port := cutPort(host); {
	case port == "", scheme == "http" && port == "80", scheme == "https" && port == "443":
		return name
	}
	return host
}

// ValidHost tells whether a Host field holds what it may: nothing, or a host and
// perhaps a port (RFC 3986, sections 3.2.2 and 3.2.3). Other bytes are read in more
// than one way, by the origin and by who follows a link that it makes of them.
func ValidHost(host string) bool {
	name, port := cutPort(host)
	if strings.Trim(port, "0123456789") != "" {
		return false
	}
	if literal, ok := strings.CutPrefix(name, "["); ok {
		literal, ok = strings.CutSuffix(literal, "]")
		return ok && literal != "" && every(literal, func(c byte) bool { return c == ':' || isHostChar(c) })
	}
	for i := strings.IndexByte(name, '%'); i >= 0; i = strings.IndexByte(name, '%') {
		if len(name) < i+3 || !isHex(name[i+1]) || !isHex(name[i+2]) {
			return false
		}
		name = name[:i] + name[i+3:]
	}
	return every(name, isHostChar)
}

// anyScheme stands for http and https in what selects absolute URLs. A proxy in front
// of the edge that ends TLS tells it of neither scheme nor default port, and clients
// write the port or do not.
const anyScheme = "://"

// siteHost gives an authority in lower case, without the default port of either scheme.
func siteHost(host string) string {
	host = lower(host)
	switch name, port := cutPort(host); port {
	case "", "80", "443":
		return name
	}
	return host
}

// onSite is the place's URL for either scheme.
func (p *place) onSite() string {
	scheme, host, _ := strings.Cut(p.origin(), anyScheme)
	if site := siteHost(host); site != host {
		return anyScheme + site + p.target
	}
	return p.url[len(scheme):]
}

// sites gives the origins that are the same for either scheme, the place's own first.
func (p *place) sites() []string {
	list := []string{p.origin()}
	_, host, _ := strings.Cut(p.origin(), anyScheme)
	site := siteHost(host)
	hosts := []string{site}
	if _, port := cutPort(site); port == "" {
		hosts = append(hosts, site+":80", site+":443")
	}
	for _, host := range hosts {
		for _, scheme := range []string{"http", "https"} {
			origin := scheme + "://" + CanonicalHost(scheme, host)
			if !slices.Contains(list, origin) {
				list = append(list, origin)
			}
		}
	}
	return list
}

// cutPort cuts an authority before the port, which is empty where there is none.
func cutPort(host string) (name, port string) {
	colon := strings.LastIndexByte(host, ':')
	if colon < 0 || strings.HasSuffix(host, "]") {
		return host, ""
	}
	return host[:colon], host[colon+1:]
}

// lower lowers the ASCII letters and leaves every other byte alone.
func lower(s string) string {
	if every(s, func(c byte) bool { return c < 'A' || 'Z' < c }) {
		return s
	}
	b := []byte(s)
	for i, c := range b {
		if 'A' <= c && c <= 'Z' {
			b[i] = c | 0x20
		}
	}
	return string(b)
}

func every(s string, is func(byte) bool) bool {
	for i := range len(s) {
		if !is(s[i]) {
			return false
		}
	}
	return true
}

func isHex(c byte) bool { return isDigit(c) || 'a' <= c|0x20 && c|0x20 <= 'f' }

func isDigit(c byte) bool { return '0' <= c && c <= '9' }

// isHostChar tells the unreserved bytes and the delimiters of parts (RFC 3986,
// sections 2.2 and 2.3).
func isHostChar(c byte) bool {
	return isDigit(c) || 'a' <= c|0x20 && c|0x20 <= 'z' || strings.IndexByte("-._~!$&'()*+,;=", c) >= 0
}
