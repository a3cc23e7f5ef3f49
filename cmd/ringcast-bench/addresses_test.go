package main

import (
	"net/netip"
	"testing"

	"pgregory.net/rapid"
)

func TestAddressesAreDistinctAndElsewhere(t *testing.T) {
	t.Parallel()
	const n = 200_000
	seen := make(map[netip.Addr]bool, n)
	ipv6 := 0
	for i := range n {
		addr := address(i)
		if seen[addr] {
			t.Fatalf("address %d, %s, comes twice", i, addr)
		}
		if addr.IsLoopback() || addr.IsUnspecified() || addr.IsMulticast() {
			t.Fatalf("address %d is %s", i, addr)
		}
		seen[addr] = true
		if addr.Is6() {
			ipv6++
		}
	}
	if ipv6 != n/everyIPv6 {
		t.Errorf("%d of %d are IPv6", ipv6, n)
	}
}

// TestScatterIsOneToOne compares numbers that differ in one bit, the highest
// included, which a factor that is not odd would lose.
func TestScatterIsOneToOne(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		a := rapid.Uint32Range(0, 1<<addressBits-1).Draw(t, "a")
		b := a ^ 1<<rapid.IntRange(0, addressBits-1).Draw(t, "bit")
		if scatter(a) == scatter(b) || scatter(a)>>addressBits != 0 {
			t.Fatalf("scatter %d and %d: %d and %d", a, b, scatter(a), scatter(b))
		}
	})
}
