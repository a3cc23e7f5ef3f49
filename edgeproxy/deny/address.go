package deny

import "net/netip"

// subscriberBits is by what an automatic ban names an IPv6 client.
const subscriberBits = 64

// subscriber gives the prefix by which an automatic ban names the client at a single
// IPv6 address.
func subscriber(p netip.Prefix) (netip.Prefix, bool) {
	if !p.Addr().Is6() || !p.IsSingleIP() {
		return netip.Prefix{}, false
	}
	return netip.PrefixFrom(p.Addr(), subscriberBits).Masked(), true
}
