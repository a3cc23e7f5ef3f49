package wire

import "net/netip"

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
