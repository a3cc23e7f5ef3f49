package client

import (
	"fmt"
	"net/netip"
)

// Header says which fields of a trusted proxy are believed.
type Header int

const (
	// Auto believes the fields that are there. A request in which both name a client
	// is refused where they differ.
	Auto Header = iota
	// XForwardedFor believes X-Forwarded-For and X-Forwarded-Proto alone.
	XForwardedFor
	// Forwarded believes Forwarded (RFC 7239) alone.
	Forwarded
)

// ParseHeader reads auto, x-forwarded-for or forwarded.
func ParseHeader(name string) (Header, error) {
	switch name {
	case "auto":
		return Auto, nil
	case "x-forwarded-for":
		return XForwardedFor, nil
	case "forwarded":
		return Forwarded, nil
	}
	return 0, fmt.Errorf("forwarded header %q: want auto, x-forwarded-for or forwarded", name)
}

// String is what ParseHeader reads.
func (h Header) String() string {
	switch h {
	case XForwardedFor:
		return "x-forwarded-for"
	case Forwarded:
		return "forwarded"
	default:
		return "auto"
	}
}

// Config says whom to believe.
type Config struct {
	// Trusted are the addresses of the proxies before the edge. Each must write the
	// believed field in every request that it passes on, at its end or in its place.
	// A client inside one of these prefixes can name any address. IPv4 is written as
	// IPv4: inside IPv6 it matches nobody.
	Trusted []netip.Prefix
	// Header says which fields they write.
	Header Header
}
