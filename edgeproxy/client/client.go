package client

import (
	"net/netip"
	"strings"

	"github.com/ringcast/ringcast/internal/wire"
)

// Client is who makes a request.
type Client struct {
	// Addr is the client's own: IPv4 where it is mapped or translated into IPv6, and
	// without a zone. It is a trusted proxy's where that did not say for whom it asks.
	Addr netip.Addr
	// Peer is the address of the connection, in the same form.
	Peer netip.Addr
	// Trusted: Peer is a trusted proxy, whose word counts.
	Trusted bool
	// Scheme is http or https where a trusted proxy said so, and "" where the
	// connection tells.
	Scheme string
	// Hops are the trusted proxies between Addr and Peer, in the order in which the
	// request passed them; at most 31, and nil for most clients.
	Hops []netip.Addr
}

// Direct is a client without a proxy before the edge.
func Direct(peer netip.Addr) Client {
	peer = wire.CanonicalAddr(peer)
	return Client{Addr: peer, Peer: peer}
}

// ForwardedFor is the chain as X-Forwarded-For gives it to the next server: the
// client, the hops and the peer. It is empty where the client has no address.
func (c *Client) ForwardedFor() string {
	if c.Addr == c.Peer && len(c.Hops) == 0 {
		return text(c.Peer)
	}
	var b strings.Builder
	b.WriteString(text(c.Addr))
	for _, hop := range c.Hops {
		b.WriteString(", ")
		b.WriteString(text(hop))
	}
	b.WriteString(", ")
	b.WriteString(text(c.Peer))
	return b.String()
}

func text(addr netip.Addr) string {
	if !addr.IsValid() {
		return ""
	}
	return addr.String()
}
