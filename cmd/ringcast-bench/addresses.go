package main

import (
	"encoding/binary"
	"net/netip"
)

const (
	// addressBits is the size of the space that addresses are drawn from.
	addressBits = 30
	// addressBase is where it begins: 128.0.0.0. No address of this machine is in it.
	addressBase = 128 << 24
	// everyIPv6 is how many addresses come with one that is IPv6.
	everyIPv6 = 100
)

// address gives the n-th of a sequence of addresses in no apparent order, no two
// of which are alike for 0 <= n < 2^30. One in a hundred is IPv6.
func address(n int) netip.Addr {
	v := scatter(uint32(n))
	if n%everyIPv6 == everyIPv6-1 {
		ip := [16]byte{0x20, 0x01, 0x0d, 0xb8, 15: 1}
		binary.BigEndian.PutUint32(ip[4:], v)
		return netip.AddrFrom16(ip)
	}
	var ip [4]byte
	binary.BigEndian.PutUint32(ip[:], addressBase+v)
	return netip.AddrFrom4(ip)
}

// scatter is a one-to-one map of the numbers below 2^30: multiplying by an odd
// number and folding the upper half down can both be undone.
func scatter(v uint32) uint32 {
	const mask = 1<<addressBits - 1
	for _, odd := range []uint32{0x2c1b3c6d, 0x297a2d39, 0x1b873593} {
		v = v * odd & mask
		v ^= v >> (addressBits / 2)
	}
	return v
}

func prefixOf(addr netip.Addr) netip.Prefix { return netip.PrefixFrom(addr, addr.BitLen()) }
