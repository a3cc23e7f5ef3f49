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

// canonical gives each address one form, so that no ban is missed for another: without
// a zone, and IPv4 where it is mapped into IPv6 or behind the well-known prefix of
// translators, 64:ff9b::/96. Package client has the same form.
func canonical(addr netip.Addr) netip.Addr {
	addr = addr.Unmap().WithZone("")
	b := addr.As16()
	if addr.Is6() && [12]byte(b[:12]) == [12]byte{1: 0x64, 2: 0xff, 3: 0x9b} {
		return netip.AddrFrom4([4]byte(b[12:]))
	}
	return addr
}

// canonicalPrefix gives the form in which prefixes are compared with addresses: without
// host bits, and IPv4 where all of it is. One that would be wider than an IPv4 prefix
// may be stays what it is, and covers nobody.
func canonicalPrefix(p netip.Prefix) netip.Prefix {
	if addr := canonical(p.Addr()); addr.Is4() && p.Addr().Is6() && p.Bits() >= embeddedBits+wire.MinPrefixBits4 {
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
