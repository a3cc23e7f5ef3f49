package wire

import (
	"fmt"
	"net/netip"
	"strconv"
	"strings"
	"unicode"
)

// whyNot says what keeps a text from being an address or prefix, as the end of a
// sentence.
func whyNot(s string) string {
	if s == "" {
		return "it is empty"
	}
	if strings.ContainsFunc(s, unicode.IsSpace) {
		return fmt.Sprintf("%q has blanks; leave them out", s)
	}
	if strings.Contains(s, "%") {
		return fmt.Sprintf("%q has a zone", s)
	}
	if _, err := netip.ParseAddrPort(s); err == nil {
		return fmt.Sprintf("%q has a port; give the address alone", s)
	}
	if strings.ContainsAny(s, "[]") {
		return fmt.Sprintf("%q has brackets; leave them out", s)
	}
	if host, length, found := strings.Cut(s, "/"); found {
		return whyNoPrefix(s, host, length)
	}
	if hasLeadingZero(s) {
		return fmt.Sprintf("%q has leading zeros, which some read as octal; leave them out", s)
	}
	return fmt.Sprintf("%q is neither an IPv4 nor an IPv6 address nor a CIDR prefix", s)
}

// whyNoPrefix is whyNot for a text with a slash, between host and length.
func whyNoPrefix(s, host, length string) string {
	if host == "" {
		return fmt.Sprintf("%q has no address before the /", s)
	}
	addr, err := netip.ParseAddr(host)
	if err != nil {
		return whyNot(host)
	}
	if _, err := strconv.ParseUint(length, 10, 64); err == nil && (length == "0" || length[0] != '0') {
		return fmt.Sprintf("%q has a prefix length out of range; the longest is /%d", s, addr.BitLen())
	}
	return fmt.Sprintf("%q has no prefix length after the /; want a number from 0 to %d without leading zeros", s, addr.BitLen())
}

// hasLeadingZero tells whether s were an IPv4 address but for zeros before its
// numbers.
func hasLeadingZero(s string) bool {
	parts := strings.Split(s, ".")
	zeros := false
	for i, part := range parts {
		if trimmed := strings.TrimLeft(part, "0"); len(part) > 1 && trimmed != part {
			zeros = true
			parts[i] = trimmed + strings.Repeat("0", max(0, 1-len(trimmed)))
		}
	}
	_, err := netip.ParseAddr(strings.Join(parts, "."))
	return zeros && err == nil
}
