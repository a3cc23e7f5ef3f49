package controlplane

import (
	"iter"
	"net/netip"
	"time"

	"github.com/ringcast/ringcast/internal/wire"
)

// BanPrefix begins the entities of all bans.
const BanPrefix = "ban/"

// An automatic ban is an entity of its own, so that it never shortens an
// operator's. An unban succeeds both.
const automaticSuffix = "#auto"

// BanEntities names the entities of an address: the operator's ban, then the
// automatic one.
func BanEntities(ip netip.Prefix) []string {
	operator := BanPrefix + wire.FormatPrefix(ip)
	return []string{operator, operator + automaticSuffix}
}

// Ban asks for an address or prefix to be refused.
type Ban struct {
	// IP is in canonical form; see wire.ParsePrefix.
	IP netip.Prefix
	// Reason is shown to operators and to the refused client.
	Reason string
	// TTL is the ban's length; 0: no end.
	TTL time.Duration
	// Automatic is set for a ban that an edge decided on.
	Automatic bool
	// Override records the ban even where an allow entry covers all of it. An
	// automatic ban cannot.
	Override bool
}

// Decide implements Decision. It refuses a ban that an allow entry would keep
// from having any effect; a wider one than the entry has.
func (b Ban) Decide(s State) ([]Event, error) {
	allows, err := s.Any(AllowPrefix)
	if err != nil {
		return nil, err
	}
	if err := b.check(s, allows); err != nil {
		return nil, err
	}
	return b.event(s), nil
}

// check refuses what an allow entry covers, if there are any.
func (b Ban) check(s State, allows bool) error {
	if !allows || (b.Override && !b.Automatic) {
		return nil
	}
	entry, allowed, err := allowedBy(s, b.IP)
	if err != nil || !allowed {
		return err
	}
	advice := "; remove the entry, or set override to record a ban that waits for its end"
	if b.Automatic {
		advice = ", which an automatic ban cannot override"
	}
	return Errorf(Precondition, ReasonAddressAllowed, "%s is allowed by the entry of %s%s",
		wire.FormatPrefix(b.IP), wire.FormatPrefix(entry), advice)
}

func (b Ban) event(s State) []Event {
	now := s.Now()
	expires := expiry(now, b.TTL)
	return state(now, expires, &wire.IPBanned{
		IP: wire.FormatPrefix(b.IP), Reason: b.Reason, Automatic: b.Automatic,
		ExpiresAt: unixOrZero(expires), Timestamp: now.Unix(),
	}, b.entity())
}

func (b Ban) entity() string {
	entities := BanEntities(b.IP)
	if b.Automatic {
		return entities[1]
	}
	return entities[0]
}

// subscriberBits is by what edges name an IPv6 client that they ban automatically.
const subscriberBits = 64

// Unban asks for every ban of exactly that address or prefix to be lifted, and where it
// is a single IPv6 address, for the automatic ban of its /64, by which an edge banned
// the client. An operator's ban of the /64 stays.
type Unban struct {
	// IP is in canonical form; see wire.ParsePrefix.
	IP netip.Prefix
}

// Decide implements Decision. The event is recorded even where no ban is known:
// edges have bans of their own.
func (u Unban) Decide(s State) ([]Event, error) {
	now := s.Now()
	return tombstone(now, &wire.IPUnbanned{
		IP: wire.FormatPrefix(u.IP), Timestamp: now.Unix(),
	}, u.lifts()...), nil
}

// lifts names what an edge that applies the event drops the bans of.
func (u Unban) lifts() []string {
	entities := BanEntities(u.IP)
	if u.IP.Addr().Is6() && u.IP.IsSingleIP() {
		client := netip.PrefixFrom(u.IP.Addr(), subscriberBits).Masked()
		entities = append(entities, BanEntities(client)[1])
	}
	return entities
}

// CoveringBans names the entities of every ban that would cover ip, the most
// specific first, the operator's before the automatic one.
func CoveringBans(ip netip.Prefix) []string {
	var entities []string
	for wider := range covering(ip) {
		entities = append(entities, BanEntities(wider)...)
	}
	return entities
}

// covering yields every prefix that a mutation may name and that covers ip, ip
// itself first.
func covering(ip netip.Prefix) iter.Seq[netip.Prefix] {
	least := wire.MinPrefixBits6
	if ip.Addr().Is4() {
		least = wire.MinPrefixBits4
	}
	return func(yield func(netip.Prefix) bool) {
		for bits := ip.Bits(); bits >= least; bits-- {
			if !yield(netip.PrefixFrom(ip.Addr(), bits).Masked()) {
				return
			}
		}
	}
}

func state(now, expires time.Time, event any, entity string) []Event {
	eventType, data := wire.Encode(event)
	return []Event{{
		Type: eventType, Data: data, Entities: []string{entity},
		Time: now.Truncate(time.Second), ExpiresAt: expires, Audience: Everyone,
	}}
}

func tombstone(now time.Time, event any, entities ...string) []Event {
	eventType, data := wire.Encode(event)
	return []Event{{
		Type: eventType, Data: data, Entities: entities,
		Tombstone: true, Time: now.Truncate(time.Second), Audience: Everyone,
	}}
}

// expiry counts from the second that the event bears, and rounds up to whole
// seconds: what a caller reads is its time plus the ttl.
func expiry(now time.Time, ttl time.Duration) time.Time {
	if ttl == 0 {
		return time.Time{}
	}
	return now.Truncate(time.Second).Add((ttl + time.Second - 1).Truncate(time.Second))
}

func unixOrZero(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.Unix()
}
