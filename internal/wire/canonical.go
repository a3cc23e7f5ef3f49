package wire

import "net/netip"

// embeddedBits is where the IPv4 address begins in an IPv6 address that is mapped (RFC
// 4291, section 2.5.5.2) or translated (RFC 6052, section 2.1).
const embeddedBits = 96

// CanonicalAddr gives each address of a client one form, so that no ban is missed for
// another: without a zone, and IPv4 where it is mapped into IPv6 (RFC 4291, section
// 2.5.5.2) or behind the well-known prefix of translators, 64:ff9b::/96 (RFC 6052,
// section 2.1).
func CanonicalAddr(addr netip.Addr) netip.Addr {
	addr = addr.Unmap().WithZone("")
	b := addr.As16()
	if addr.Is6() && [12]byte(b[:12]) == [12]byte{1: 0x64, 2: 0xff, 3: 0x9b} {
		return netip.AddrFrom4([4]byte(b[12:]))
	}
	return addr
}

// CanonicalPrefix gives the form in which prefixes are compared with canonical
// addresses: without host bits, and IPv4 where all of it is. One that would be wider
// than an IPv4 prefix may be stays what it is, and covers no client.
func CanonicalPrefix(p netip.Prefix) netip.Prefix {
	return embedded(p).Masked()
}

// embedded is CanonicalPrefix with the host bits.
func embedded(p netip.Prefix) netip.Prefix {
	addr := CanonicalAddr(p.Addr())
	if addr.Is4() && p.Addr().Is6() && p.Bits() >= embeddedBits+MinPrefixBits4 {
		return netip.PrefixFrom(addr, p.Bits()-embeddedBits)
	}
	return p
}

// TranslatedTooWide tells of a prefix in canonical form that it has translated IPv4
// addresses in it, and is wider than a prefix of IPv4 may be. As translated clients are
// looked for by their IPv4 address, it would cover none of them.
func TranslatedTooWide(p netip.Prefix) bool { return CanonicalAddr(p.Addr()) != p.Addr() }
