package client

import (
	"net/netip"
	"strings"

	"github.com/ringcast/ringcast/internal/wire"
)

// maxPort is the length of a port in digits (RFC 7239, section 6).
const maxPort = 5

// readAddress reads an element of X-Forwarded-For, which has no specification.
func readAddress(element string) hop { return hop{addr: readNode(element)} }

// readNode reads a node (RFC 7239, section 6) as well as what is found in
// X-Forwarded-For: an address with or without a port, and IPv6 with or without
// brackets. Of an address that has a zone the rest counts, and the port does not
// matter. It is not valid for unknown, obfuscated and malformed nodes.
func readNode(s string) netip.Addr {
	if rest, ok := strings.CutPrefix(s, "["); ok {
		inside, after, ok := strings.Cut(rest, "]")
		if !ok || !strings.Contains(inside, ":") || after != "" && !isPort(after) {
			return netip.Addr{}
		}
		return readIP(inside)
	}
	if i := strings.IndexByte(s, ':'); i >= 0 && i == strings.LastIndexByte(s, ':') {
		if !isPort(s[i:]) {
			return netip.Addr{}
		}
		s = s[:i]
	}
	return readIP(s)
}

// isPort is for a colon and what follows it. Proxies hide ports, too (section 6.3).
func isPort(s string) bool {
	port, ok := strings.CutPrefix(s, ":")
	if !ok || port == "" {
		return false
	}
	if port[0] == '_' {
		return len(port) > 1 && every(port[1:], obfuscated)
	}
	return len(port) <= maxPort && every(port, isDigit)
}

// readIP looks at the first byte, so that names, as of obfuscated nodes, do not make
// an error.
func readIP(s string) netip.Addr {
	s, zone, zoned := strings.Cut(s, "%")
	if s == "" || !isHex(s[0]) && s[0] != ':' {
		return netip.Addr{}
	}
	if zoned && (zone == "" || !every(zone, isBare) || !strings.Contains(s, ":")) {
		return netip.Addr{}
	}
	addr, err := netip.ParseAddr(s)
	if err != nil {
		return netip.Addr{}
	}
	return wire.CanonicalAddr(addr)
}

// readScheme gives http or https, "" for others. Some proxies say ws and wss of
// requests for a WebSocket.
func readScheme(s string) string {
	switch {
	case strings.EqualFold(s, "https"), strings.EqualFold(s, "wss"):
		return "https"
	case strings.EqualFold(s, "http"), strings.EqualFold(s, "ws"):
		return "http"
	}
	return ""
}

func every(s string, is func(byte) bool) bool {
	for i := range len(s) {
		if !is(s[i]) {
			return false
		}
	}
	return true
}

func isDigit(c byte) bool { return '0' <= c && c <= '9' }

func isHex(c byte) bool { return isDigit(c) || 'a' <= c|0x20 && c|0x20 <= 'f' }

func isAlphanumeric(c byte) bool { return isDigit(c) || 'a' <= c|0x20 && c|0x20 <= 'z' }

// obfuscated tells the signs of an obfuscated node or port.
func obfuscated(c byte) bool { return isAlphanumeric(c) || c == '.' || c == '_' || c == '-' }
