package client_test

import (
	"net/http"
	"net/netip"
	"strings"
	"testing"

	"github.com/ringcast/ringcast/edgeproxy/client"
)

// cases are requests by what they cost.
func cases() []struct {
	name   string
	r      *client.Resolver
	peer   netip.Addr
	header http.Header
	allocs float64
} {
	const size = 1 << 20
	stranger := netip.MustParseAddr("9.9.9.9")
	one := http.Header{"X-Forwarded-For": {"6.6.6.6, 9.9.9.9"}, "X-Forwarded-Proto": {"https"}}
	fill := func(name, part string) http.Header {
		return http.Header{name: {strings.Repeat(part, size/len(part))}}
	}
	return []struct {
		name   string
		r      *client.Resolver
		peer   netip.Addr
		header http.Header
		allocs float64
	}{
		{"no proxies", client.New(client.Config{}), stranger, one, 0},
		{"a stranger", resolver(client.Auto), stranger, one, 0},
		{"one proxy", resolver(client.Auto), peer, one, 0},
		{"Forwarded", resolver(client.Auto), peer, http.Header{"Forwarded": {`for=6.6.6.6, for="[2001:db8::1]:80";proto=https`}}, 0},
		{"three proxies", resolver(client.Auto), peer, http.Header{"X-Forwarded-For": {"9.9.9.9, 10.0.0.2, 10.0.0.3"}}, 2},
		{"1 MB of proxies", resolver(client.Auto), peer, fill("X-Forwarded-For", "10.0.0.2,"), 6},
		{"1 MB of commas", resolver(client.Auto), peer, fill("X-Forwarded-For", ","), 0},
		{"1 MB of digits", resolver(client.Auto), peer, fill("X-Forwarded-For", "1"), 0},
		{"1 MB of quotes", resolver(client.Auto), peer, fill("Forwarded", `"`), 0},
		{"1 MB of backslashes", resolver(client.Auto), peer, fill("Forwarded", `"\\\\\\\\`), 0},
		{"1 MB of quoted proxies", resolver(client.Auto), peer, fill("Forwarded", `for="10.0.0.2",`), 6},
		{"quoted pairs", resolver(client.Auto), peer, http.Header{"Forwarded": {`for=9.9.9.9;x="` + strings.Repeat(`\x`, 2000) + `"`}}, 12},
		{"1 MB of lines", resolver(client.Auto), peer, http.Header{"X-Forwarded-For": make([]string, size)}, 0},
	}
}

// TestCost: what is allocated is bounded whatever is sent. It is not parallel,
// because it counts.
func TestCost(t *testing.T) {
	for _, tt := range cases() {
		got := testing.AllocsPerRun(100, func() { _, _ = tt.r.Resolve(tt.peer, tt.header) })
		if got > tt.allocs {
			t.Errorf("%s: %v allocations, want %v", tt.name, got, tt.allocs)
		}
	}
}

func BenchmarkResolve(b *testing.B) {
	for _, tt := range cases() {
		b.Run(tt.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				_, _ = tt.r.Resolve(tt.peer, tt.header)
			}
		})
	}
}
