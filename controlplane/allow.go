package controlplane

import (
	"net/netip"
	"time"

	"github.com/ringcast/ringcast/internal/wire"
)

// AllowPrefix begins the entities of all allow entries.
const AllowPrefix = "allow/"

// AllowEntity names the entity of an address's allow entry.
func AllowEntity(ip netip.Prefix) string { return AllowPrefix + wire.FormatPrefix(ip) }

// Allow asks for an address or prefix to pass, whatever bans cover it.
type Allow struct {
	// IP is in canonical form; see wire.ParsePrefix.
	IP netip.Prefix
	// Reason is shown to operators.
	Reason string
	// TTL is the entry's length; 0: no end.
	TTL time.Duration
}

// Decide implements Decision.
func (a Allow) Decide(s State) ([]Event, error) {
	now := s.Now()
	expires := expiry(now, a.TTL)
	return state(now, expires, &wire.IPAllowed{
		IP: wire.FormatPrefix(a.IP), Reason: a.Reason,
		ExpiresAt: unixOrZero(expires), Timestamp: now.Unix(),
	}, AllowEntity(a.IP)), nil
}

// RemoveAllow asks for the entry of exactly that address or prefix to go.
type RemoveAllow struct {
	// IP is in canonical form; see wire.ParsePrefix.
	IP netip.Prefix
}

// Decide implements Decision.
func (r RemoveAllow) Decide(s State) ([]Event, error) {
	now := s.Now()
	return tombstone(now, &wire.IPAllowRemoved{
		IP: wire.FormatPrefix(r.IP), Timestamp: now.Unix(),
	}, AllowEntity(r.IP)), nil
}

// CoveringAllows names the entities of every allow entry that would cover all of
// ip, the most specific first.
func CoveringAllows(ip netip.Prefix) []string {
	var entities []string
	for wider := range covering(ip) {
		entities = append(entities, AllowEntity(wider))
	}
	return entities
}

// allowedBy finds the most specific live entry that covers all of ip.
func allowedBy(s State, ip netip.Prefix) (entry netip.Prefix, found bool, err error) {
	now := s.Now()
	for wider := range covering(ip) {
		e, ok, err := s.Latest(AllowEntity(wider))
		if err != nil {
			return netip.Prefix{}, false, err
		}
		if ok && e.Live(now) {
			return wider, true, nil
		}
	}
	return netip.Prefix{}, false, nil
}
