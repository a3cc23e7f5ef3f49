package deny

import (
	"net/netip"

	"github.com/ringcast/ringcast/internal/wire"
)

const (
	// embeddedBits is where the IPv4 address begins in an IPv6 address that is mapped
	// (RFC 4291, section 2.5.5.2) or translated (RFC 6052, section 2.1).
	embeddedBits = 96
	// subscriberBits is by what an automatic ban names an IPv6 client.
	subscriberBits = 64
)

// canonicalPrefix gives the form in which prefixes are compared with addresses: without
// host bits, and IPv4 where all of it is. One that would be wider than an IPv4 prefix
// may be stays what it is, and covers nobody.
func canonicalPrefix(p netip.Prefix) netip.Prefix {
	if addr := wire.CanonicalAddr(p.Addr()); addr.Is4() && p.Addr().Is6() && p.Bits() >= embeddedBits+wire.MinPrefixBits4 {
		p = netip.PrefixFrom(addr, p.Bits()-embeddedBits)
	}
	return p.Masked()
}

// subscriber gives the prefix by which an automatic ban names the client at a single
// IPv6 address.
func subscriber(p netip.Prefix) (netip.Prefix, bool) {
	if !p.Addr().Is6() || !p.IsSingleIP() {
		return netip.Prefix{}, false
	}
	return netip.PrefixFrom(p.Addr(), subscriberBits).Masked(), true
}
