package listen

import (
	"net"
	"net/netip"
	"strings"
)

// Hosts are the names by which an HTTP listener that asks for no credentials may
// be asked, as the Host header has them. On loopback these are localhost and the
// loopback addresses, so that a web page whose name was made to resolve to this
// machine (DNS rebinding) reads nothing there. A listener beyond loopback goes by
// names that this process does not know, such as those of pods and proxies, and
// answers to all. The zero value is as on loopback.
type Hosts struct{ any bool }

// HostsOf gives the hosts of a listener on address, as for Listen.
func HostsOf(address string) Hosts { return Hosts{any: !IsLoopback(address)} }

// Allow tells whether a request with this Host header (RFC 9110, section 7.2)
// may be answered. No header at all, as HTTP/1.0 probes send it, comes from no
// browser.
func (h Hosts) Allow(header string) bool {
	if h.any || header == "" {
		return true
	}
	host := hostName(header)
	if host == localhost {
		return true
	}
	addr, err := netip.ParseAddr(host)
	return err == nil && addr.IsLoopback()
}

// hostName is a header's host in a form that compares: without port, brackets
// and the final dot, in lower case.
func hostName(header string) string {
	host := header
	if h, _, err := net.SplitHostPort(header); err == nil {
		host = h
	}
	host = strings.TrimSuffix(strings.TrimPrefix(host, "["), "]")
	return strings.ToLower(strings.TrimSuffix(host, "."))
}
