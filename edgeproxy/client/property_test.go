package client_test

import (
	"net/http"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/ringcast/ringcast/edgeproxy/client"
)

// family is a field and how a proxy adds an address to it.
type family struct {
	header client.Header
	name   string
	write  func(*rapid.T, netip.Addr) string
}

func families() []family {
	return []family{
		{client.XForwardedFor, "X-Forwarded-For", writeXForwardedFor},
		{client.Forwarded, "Forwarded", writeForwarded},
	}
}

func writeXForwardedFor(t *rapid.T, addr netip.Addr) string {
	switch text := addr.String(); {
	case rapid.Bool().Draw(t, "bare"):
		return text
	case addr.Is4():
		return text + rapid.SampledFrom([]string{":80", ":0"}).Draw(t, "port")
	default:
		return "[" + text + "]" + rapid.SampledFrom([]string{":80", ""}).Draw(t, "port")
	}
}

func writeForwarded(t *rapid.T, addr netip.Addr) string {
	text := addr.String()
	if addr.Is6() {
		text = "[" + text + "]"
	}
	pairs := []string{rapid.SampledFrom([]string{"for", "For"}).Draw(t, "name") + `="` + text + `"`}
	for _, other := range []string{"by=_x", "host=a.example", `ext="a, \"b\\"`, `ext2="\\"`} {
		if rapid.Bool().Draw(t, other) {
			pairs = append(pairs, other)
		}
	}
	return strings.Join(rapid.Permutation(pairs).Draw(t, "order"), ";")
}

func addresses(trusted bool) *rapid.Generator[netip.Addr] {
	if trusted {
		return rapid.Map(rapid.Byte(), func(b byte) netip.Addr { return netip.AddrFrom4([4]byte{10, 0, 0, b}) })
	}
	v4 := rapid.Map(rapid.Byte(), func(b byte) netip.Addr { return netip.AddrFrom4([4]byte{192, 168, 0, b}) })
	v6 := rapid.Map(rapid.Uint8(), func(b uint8) netip.Addr { return netip.AddrFrom16([16]byte{0x20, 1, 15: b}) })
	return rapid.OneOf(v4, v6)
}

// attackers send lines of what means something to a parser.
func attackers() *rapid.Generator[[]string] {
	part := rapid.OneOf(
		rapid.SampledFrom([]string{
			",", " ", `"`, `\`, ";", "=", "for=", "proto=https", "6.6.6.6", "10.0.0.2", "for=10.0.0.2", `for="`, "[", "]", ":", "%", "unknown", "_x", "\x00",
		}),
		rapid.String(), rapid.StringN(1000, 5000, 5000),
	)
	line := rapid.Map(rapid.SliceOfN(part, 0, 12), func(parts []string) string { return strings.Join(parts, "") })
	return rapid.SliceOfN(line, 0, 4)
}

// TestClientsCannotChooseTheirAddress: whatever is sent in front of what the proxies
// append, they are believed, whether they append to a line or write their own.
func TestClientsCannotChooseTheirAddress(t *testing.T) {
	t.Parallel()
	for _, f := range families() {
		t.Run(f.name, func(t *testing.T) {
			t.Parallel()
			rapid.Check(t, func(t *rapid.T) {
				lines := attackers().Draw(t, "sent")
				want := addresses(false).Draw(t, "client")
				hops := rapid.SliceOfN(addresses(true), 0, 3).Draw(t, "hops")
				for _, addr := range append([]netip.Addr{want}, hops...) {
					lines = write(lines, f.write(t, addr), rapid.Bool().Draw(t, "own line"))
				}
				got, err := resolver(f.header).Resolve(peer, http.Header{f.name: lines})
				if err != nil || got.Addr != want || !slices.Equal(got.Hops, hops) {
					t.Fatalf("%q: %+v, %v", lines, got, err)
				}
			})
		})
	}
}

// write adds an element as a proxy does.
func write(lines []string, element string, own bool) []string {
	if own || len(lines) == 0 {
		return append(lines, element)
	}
	lines = slices.Clone(lines)
	lines[len(lines)-1] += ", " + element
	return lines
}

// TestAutoIsNoChoice: where both fields are believed, who adds to the one that the
// proxy leaves alone is the same client or none.
func TestAutoIsNoChoice(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		both := families()
		if rapid.Bool().Draw(t, "swap") {
			slices.Reverse(both)
		}
		want := addresses(false).Draw(t, "client")
		h := http.Header{
			both[0].name: write(attackers().Draw(t, "sent"), both[0].write(t, want), rapid.Bool().Draw(t, "own line")),
			both[1].name: attackers().Draw(t, "other"),
		}
		if got, err := resolver(client.Auto).Resolve(peer, h); err == nil && got.Addr != want {
			t.Fatalf("%q: %+v", h, got)
		}
	})
}

// TestElementsReadBothWays: a field that the grammar of RFC 7239 has is parted from
// its end as it is from its beginning.
func TestElementsReadBothWays(t *testing.T) {
	t.Parallel()
	f := families()[1]
	rapid.Check(t, func(t *rapid.T) {
		chain := rapid.SliceOfN(addresses(true), 1, 31).Draw(t, "chain")
		var lines []string
		for _, addr := range chain {
			lines = write(lines, f.write(t, addr), rapid.Bool().Draw(t, "own line"))
		}
		got, err := resolver(client.Forwarded).Resolve(peer, http.Header{f.name: lines})
		if err != nil || got.Addr != chain[0] || !slices.Equal(got.Hops, chain[1:]) {
			t.Fatalf("%q: %+v, %v", lines, got, err)
		}
	})
}
