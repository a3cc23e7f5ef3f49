package wire

import (
	"errors"
	"fmt"
	"net/netip"
	"strings"
)

// The widest prefixes that a mutation may name. A wider one is more likely a
// slip of the pen than a wish, and would shut out a large part of the Internet.
const (
	MinPrefixBits4 = 8
	MinPrefixBits6 = 16
)

// ErrAddress is wrapped by every error of ParsePrefix.
var ErrAddress = errors.New("invalid address or prefix")

// ParsePrefix reads an IPv4 or IPv6 address or CIDR prefix. IPv6 that is IPv4-mapped, or
// translated by 64:ff9b::/96, becomes IPv4 (see CanonicalPrefix), and an address becomes a prefix of its full length, so that
// equal things compare equal. Refused are zones, ports, host bits and prefixes
// wider than MinPrefixBits4 and MinPrefixBits6. Errors wrap ErrAddress.
func ParsePrefix(s string) (netip.Prefix, error) {
	prefix, err := parseEither(s)
	if err != nil {
		return netip.Prefix{}, err
	}
	if prefix, err = unmap(prefix); err != nil {
		return netip.Prefix{}, err
	}
	prefix = embedded(prefix)
	if masked := prefix.Masked(); masked != prefix {
		return netip.Prefix{}, fmt.Errorf("%w: %s has host bits set; do you mean %s?", ErrAddress, prefix, masked)
	}
	if least := minBits(prefix.Addr()); prefix.Bits() < least {
		return netip.Prefix{}, fmt.Errorf("%w: %s is wider than /%d, the widest that is allowed", ErrAddress, prefix, least)
	}
	return prefix, nil
}

// FormatPrefix gives the canonical text: an address alone where the prefix is
// of full length, CIDR notation elsewhere.
func FormatPrefix(p netip.Prefix) string {
	if p.IsSingleIP() {
		return p.Addr().String()
	}
	return p.String()
}

func parseEither(s string) (netip.Prefix, error) {
	if strings.Contains(s, "/") {
		prefix, err := netip.ParsePrefix(s)
		if err != nil {
			return netip.Prefix{}, fmt.Errorf("%w: %s", ErrAddress, whyNot(s))
		}
		return prefix, nil
	}
	addr, err := netip.ParseAddr(s)
	if err != nil || addr.Zone() != "" {
		return netip.Prefix{}, fmt.Errorf("%w: %s", ErrAddress, whyNot(s))
	}
	return netip.PrefixFrom(addr, addr.BitLen()), nil
}

func unmap(p netip.Prefix) (netip.Prefix, error) {
	if !p.Addr().Is4In6() {
		return p, nil
	}
	if p.Bits() < embeddedBits {
		return netip.Prefix{}, fmt.Errorf("%w: %s mixes IPv4-mapped and other addresses", ErrAddress, p)
	}
	return netip.PrefixFrom(p.Addr().Unmap(), p.Bits()-embeddedBits), nil
}

func minBits(a netip.Addr) int {
	if a.Is4() {
		return MinPrefixBits4
	}
	return MinPrefixBits6
}
