package client_test

import (
	"net/http"
	"net/netip"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/ringcast/ringcast/edgeproxy/client"
)

// The tests' proxies are these; 10.0.0.1 is the peer.
var trusted = []netip.Prefix{
	netip.MustParsePrefix("10.0.0.0/24"), netip.MustParsePrefix("fd00::/64"), netip.MustParsePrefix("172.16.0.0/12"),
}

var peer = netip.MustParseAddr("10.0.0.1")

func resolver(h client.Header) *client.Resolver {
	return client.New(client.Config{Trusted: trusted, Header: h})
}

// resolve gives the client as text, with the scheme where there is one.
func resolve(t *testing.T, r *client.Resolver, peer netip.Addr, h http.Header) string {
	t.Helper()
	c, err := r.Resolve(peer, h)
	switch {
	case err != nil:
		return err.Error()
	case c.Scheme != "":
		return c.Addr.String() + " " + c.Scheme
	}
	return c.Addr.String()
}

func TestOnlyTrustedPeersAreBelieved(t *testing.T) {
	t.Parallel()
	h := http.Header{"X-Forwarded-For": {"6.6.6.6"}, "X-Forwarded-Proto": {"https"}, "Forwarded": {"for=7.7.7.7"}}
	for _, tt := range []struct{ peer, want string }{
		{"9.9.9.9", "9.9.9.9"},
		{"10.0.1.1", "10.0.1.1"},
		{"::ffff:9.9.9.9", "9.9.9.9"},
		{"64:ff9b::9.9.9.9", "9.9.9.9"},
		{"64:ff9b::9.9.9.9%eth0", "9.9.9.9"},
		{"64:ff9b:0:0:0:1:909:909", "64:ff9b::1:909:909"},
		{"64:ff9b:1::9.9.9.9", "64:ff9b:1::909:909"},
		{"64:ff9a::9.9.9.9", "64:ff9a::909:909"},
		{"fe80::1%eth0", "fe80::1"},
		{"fd00:0:0:1::1", "fd00:0:0:1::1"},
		{"2001:db8::1", "2001:db8::1"},
	} {
		addr, plain := netip.MustParseAddr(tt.peer), netip.MustParseAddr(tt.want)
		for _, header := range []client.Header{client.Auto, client.XForwardedFor, client.Forwarded} {
			got, err := resolver(header).Resolve(addr, h)
			if diff := cmp.Diff(client.Client{Addr: plain, Peer: plain}, got, cmp.Comparer(same)); diff != "" || err != nil {
				t.Errorf("%s, %s: %v %s", tt.peer, header, err, diff)
			}
		}
		if got := resolve(t, client.New(client.Config{}), addr, h); got != tt.want {
			t.Errorf("%s, nobody trusted: %s", tt.peer, got)
		}
	}
	for _, peer := range []string{"10.0.0.255", "::ffff:10.0.0.1", "fd00::9%eth0", "172.31.0.1", "::ffff:172.16.0.1"} {
		if got := resolve(t, resolver(client.XForwardedFor), netip.MustParseAddr(peer), h); got != "6.6.6.6 https" {
			t.Errorf("%s is a proxy: %s", peer, got)
		}
	}
}

func same(a, b netip.Addr) bool { return a == b }

func TestNoAddressAtAll(t *testing.T) {
	t.Parallel()
	for _, r := range []*client.Resolver{client.New(client.Config{}), resolver(client.Auto)} {
		c, err := r.Resolve(netip.Addr{}, http.Header{"X-Forwarded-For": {"6.6.6.6"}})
		if c.Addr.IsValid() || c.Trusted || err != nil || c.ForwardedFor() != "" || r.Trusts(netip.Addr{}) {
			t.Errorf("%+v, %v", c, err)
		}
	}
}

func TestChain(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name, header, want string
		hops               int
	}{
		{"no header", "", "10.0.0.1", 0},
		{"one proxy", "9.9.9.9", "9.9.9.9, 10.0.0.1", 0},
		{"several", "9.9.9.9, fd00::2, 10.0.0.3", "9.9.9.9, fd00::2, 10.0.0.3, 10.0.0.1", 2},
		{"what the client wrote is gone", "6.6.6.6, 9.9.9.9, 10.0.0.3", "9.9.9.9, 10.0.0.3, 10.0.0.1", 1},
		{"all trusted", "10.0.0.4, 10.0.0.3", "10.0.0.4, 10.0.0.3, 10.0.0.1", 1},
		{"the peer itself", "10.0.0.1", "10.0.0.1", 0},
		{"unknown to the peer", "unknown", "10.0.0.1", 0},
		{"unknown to another", "6.6.6.6, unknown, 10.0.0.3", "10.0.0.3, 10.0.0.1", 0},
		{"translated and mapped", "64:ff9b::9.9.9.9, [64:ff9b::10.0.0.3]:80, ::ffff:10.0.0.2", "9.9.9.9, 10.0.0.3, 10.0.0.2, 10.0.0.1", 2},
		{"ports are gone", "[2001:db8::1]:80, 10.0.0.3:81", "2001:db8::1, 10.0.0.3, 10.0.0.1", 1},
	} {
		h := http.Header{}
		if tt.header != "" {
			h.Set("X-Forwarded-For", tt.header)
		}
		c, err := resolver(client.Auto).Resolve(peer, h)
		if err != nil || c.ForwardedFor() != tt.want || len(c.Hops) != tt.hops || !c.Trusted || c.Peer != peer {
			t.Errorf("%s: %q, %+v, %v", tt.name, c.ForwardedFor(), c, err)
		}
	}
}

func TestTrusts(t *testing.T) {
	t.Parallel()
	r := resolver(client.Auto)
	for text, want := range map[string]bool{
		"10.0.0.9": true, "::ffff:10.0.0.9": true, "fd00::1%eth0": true, "172.20.0.1": true,
		"10.0.1.0": false, "2001:db8::1": false, "::ffff:9.9.9.9": false,
	} {
		if addr := netip.MustParseAddr(text); r.Trusts(addr) != want || client.New(client.Config{}).Trusts(addr) {
			t.Errorf("%s is trusted: %v", text, !want)
		}
	}
	if client.New(client.Config{Trusted: []netip.Prefix{{}}}).Trusts(peer) {
		t.Error("a prefix that is not valid trusts")
	}
}

func TestParseHeader(t *testing.T) {
	t.Parallel()
	for _, want := range []client.Header{client.Auto, client.XForwardedFor, client.Forwarded} {
		if got, err := client.ParseHeader(want.String()); got != want || err != nil {
			t.Errorf("%s: %v, %v", want, got, err)
		}
	}
	for _, name := range []string{"", "AUTO", "x-real-ip"} {
		if _, err := client.ParseHeader(name); err == nil {
			t.Errorf("%q is taken", name)
		}
	}
}
