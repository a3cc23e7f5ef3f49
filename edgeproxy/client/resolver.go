package client

import (
	"cmp"
	"errors"
	"net/http"
	"net/netip"
	"slices"

	"github.com/gaissmai/bart"

	"github.com/ringcast/ringcast/internal/wire"
)

const (
	// maxHops bounds the elements of a chain that are believed, and with them the
	// look-ups that a request can cost. Real chains have two or three.
	maxHops = 32
	// maxBytes bounds how much of a field is looked at, from its end: 32 elements as
	// long as proxies make them. Where it ends inside an element the chain ends
	// before it.
	maxBytes = 4 << 10
)

// ErrConflict is for a request whose X-Forwarded and Forwarded fields differ in
// client, hops or scheme. The proxy wrote one of them, and whichever were believed,
// clients could write the other.
var ErrConflict = errors.New("forwarded fields name different clients")

// Resolver finds the client of a request. It can be used by many at once.
type Resolver struct {
	trusted *bart.Lite // nil where nobody is
	header  Header
}

// New gives a resolver. Prefixes that are not valid are passed over.
func New(config Config) *Resolver {
	r := &Resolver{header: config.Header}
	if len(config.Trusted) == 0 {
		return r
	}
	r.trusted = new(bart.Lite)
	for _, prefix := range config.Trusted {
		r.trusted.Insert(prefix)
	}
	return r
}

// Trusts tells whether an address is a trusted proxy's: many clients have it, and
// none is to be punished for another.
func (r *Resolver) Trusts(addr netip.Addr) bool {
	return r.trusted != nil && r.trusted.Lookup(wire.CanonicalAddr(addr))
}

// Resolve finds who makes a request that comes from peer with these fields, which
// it does not change. What is malformed is no error: the client is then the trusted
// proxy that wrote it. The error is ErrConflict, and the client is the peer then.
func (r *Resolver) Resolve(peer netip.Addr, h http.Header) (Client, error) {
	c := Direct(peer)
	if r.trusted == nil || !r.trusted.Lookup(c.Peer) {
		return c, nil
	}
	c.Trusted = true
	switch r.header {
	case XForwardedFor:
		return r.xForwarded(c, h).Client, nil
	case Forwarded:
		return r.forwarded(c, h).Client, nil
	default:
		return r.either(c, h)
	}
}

// reading is what a family of fields says.
type reading struct {
	Client
	// elements of the chain were believed, the last of which may name nobody.
	elements int
	// present: there is a chain.
	present bool
}

// either believes what is there.
func (r *Resolver) either(peer Client, h http.Header) (Client, error) {
	a := r.xForwarded(peer, h)
	if len(h["Forwarded"]) == 0 {
		return a.Client, nil
	}
	b := r.forwarded(peer, h)
	if a.conflicts(&b) {
		return peer, ErrConflict
	}
	scheme := cmp.Or(a.Scheme, b.Scheme)
	if !a.present {
		a = b
	}
	a.Scheme = scheme
	return a.Client, nil
}

func (a *reading) conflicts(b *reading) bool {
	if a.Scheme != b.Scheme && a.Scheme != "" && b.Scheme != "" {
		return true
	}
	return a.present && b.present && (a.Addr != b.Addr || !slices.Equal(a.Hops, b.Hops))
}

func (r *Resolver) xForwarded(c Client, h http.Header) reading {
	chain := r.chain(c, tail{lines: h["X-Forwarded-For"]}, readAddress)
	if protos := h["X-Forwarded-Proto"]; len(protos) > 0 {
		chain.Scheme = xForwardedProto(protos, chain.elements)
	}
	return chain
}

func (r *Resolver) forwarded(c Client, h http.Header) reading {
	return r.chain(c, tail{lines: h["Forwarded"], quotes: true}, readForwarded)
}

// hop is what one element says: whose request its writer passed on, not valid
// where it names nobody, and with which scheme, "" where it does not say.
type hop struct {
	addr   netip.Addr
	scheme string
}

// chain follows the elements from the end, each of which was written by the
// address to the right of it, as long as that is trusted.
func (r *Resolver) chain(c Client, t tail, read func(string) hop) reading {
	found := reading{Client: c}
	for found.elements < maxHops {
		element, ok := t.next()
		if !ok {
			break
		}
		found.elements++
		h := read(element)
		found.Scheme = cmp.Or(h.scheme, found.Scheme)
		if !h.addr.IsValid() {
			break
		}
		if found.elements > 1 {
			found.Hops = append(found.Hops, found.Addr)
		}
		if found.Addr = h.addr; !r.trusted.Lookup(h.addr) {
			break
		}
	}
	found.present = found.elements > 0 || t.cut
	slices.Reverse(found.Hops)
	return found
}

// xForwardedProto gives what the writer of the last believed element says. A field
// with fewer elements was set by one proxy and left alone by those after it.
func xForwardedProto(lines []string, elements int) (scheme string) {
	t := tail{lines: lines}
	for range max(elements, 1) {
		element, ok := t.next()
		if !ok {
			break
		}
		scheme = cmp.Or(readScheme(element), scheme)
	}
	return scheme
}
