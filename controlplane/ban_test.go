package controlplane_test

import (
	"net/netip"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/ringcast/ringcast/controlplane"
	"github.com/ringcast/ringcast/internal/wire"
)

func TestBan(t *testing.T) {
	t.Parallel()
	s := newState()
	ip := prefix(t, "::ffff:1.2.3.4")
	e := s.apply(t, controlplane.Ban{IP: ip, Reason: "abuse", TTL: time.Hour}.Decide)
	if diff := cmp.Diff([]string{"ban/1.2.3.4"}, e.Entities); diff != "" || e.Tombstone || !e.ExpiresAt.Equal(noon.Add(time.Hour)) {
		t.Errorf("%+v, entities (-want +got):\n%s", e, diff)
	}
	expectData(t, e, `{"ip":"1.2.3.4","reason":"abuse","automatic":false,"expires_at":1800003600,"timestamp":1800000000}`)

	e = s.apply(t, controlplane.Ban{IP: prefix(t, "2001:DB8::/32")}.Decide)
	if diff := cmp.Diff([]string{"ban/2001:db8::/32"}, e.Entities); diff != "" || !e.ExpiresAt.IsZero() {
		t.Errorf("%+v, entities (-want +got):\n%s", e, diff)
	}
	expectData(t, e, `{"ip":"2001:db8::/32","reason":"","automatic":false,"timestamp":1800000000}`)
}

// TestAutomaticBan wants an edge's ban not to touch an operator's, nor the other
// way round, and an unban to end both.
func TestAutomaticBan(t *testing.T) {
	t.Parallel()
	s := newState()
	ip := prefix(t, "1.2.3.4")
	operator := s.apply(t, controlplane.Ban{IP: ip, Reason: "by hand"}.Decide)
	automatic := s.apply(t, controlplane.Ban{IP: ip, Reason: "too many", TTL: time.Minute, Automatic: true}.Decide)
	expectData(t, automatic, `{"ip":"1.2.3.4","reason":"too many","automatic":true,"expires_at":1800000060,"timestamp":1800000000}`)
	entities := controlplane.BanEntities(ip)
	want := map[string]controlplane.Event{entities[0]: operator, entities[1]: automatic}
	if diff := cmp.Diff(want, s.latest); diff != "" || len(s.latest) != 2 {
		t.Errorf("state (-want +got):\n%s", diff)
	}
	s.apply(t, controlplane.Ban{IP: ip, TTL: time.Second}.Decide)
	if diff := cmp.Diff(automatic, s.latest[entities[1]]); diff != "" {
		t.Errorf("the automatic ban changed:\n%s", diff)
	}
	unban := s.apply(t, controlplane.Unban{IP: ip}.Decide)
	for _, entity := range entities {
		if diff := cmp.Diff(unban, s.latest[entity]); diff != "" || s.latest[entity].Live(noon) {
			t.Errorf("%s is not lifted:\n%s", entity, diff)
		}
	}
}

func TestUnban(t *testing.T) {
	t.Parallel()
	e := newState().apply(t, controlplane.Unban{IP: prefix(t, "10.0.0.0/8")}.Decide)
	if diff := cmp.Diff([]string{"ban/10.0.0.0/8", "ban/10.0.0.0/8#auto"}, e.Entities); diff != "" {
		t.Errorf("entities (-want +got):\n%s", diff)
	}
	if e.Type != wire.TypeIPUnbanned || !e.Tombstone || !e.ExpiresAt.IsZero() {
		t.Errorf("%+v is no absence", e)
	}
	expectData(t, e, `{"ip":"10.0.0.0/8","timestamp":1800000000}`)
}

// TestUnbanOfAnIPv6Client wants the automatic ban of its /64 to end with it, and an
// operator's to stay.
func TestUnbanOfAnIPv6Client(t *testing.T) {
	t.Parallel()
	s := newState()
	client := prefix(t, "2001:db8::/64")
	operator := s.apply(t, controlplane.Ban{IP: client, Reason: "by hand"}.Decide)
	s.apply(t, controlplane.Ban{IP: client, TTL: time.Minute, Automatic: true}.Decide)
	unban := s.apply(t, controlplane.Unban{IP: prefix(t, "2001:db8::5")}.Decide)
	want := []string{"ban/2001:db8::5", "ban/2001:db8::5#auto", "ban/2001:db8::/64#auto"}
	if diff := cmp.Diff(want, unban.Entities); diff != "" {
		t.Errorf("entities (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(operator, s.latest["ban/2001:db8::/64"]); diff != "" {
		t.Errorf("the operator's ban changed:\n%s", diff)
	}
	expectData(t, unban, `{"ip":"2001:db8::5","timestamp":1800000000}`)
	for _, ip := range []string{"2001:db8::/127", "1.2.3.4"} {
		if n := len(s.apply(t, controlplane.Unban{IP: prefix(t, ip)}.Decide).Entities); n != 2 {
			t.Errorf("the unban of %s is of %d entities", ip, n)
		}
	}
}

// TestEdgesAgreeWithTheLog after any bans and unbans in and of a /64, whether they
// heard every event or only those that are still the latest of something.
func TestEdgesAgreeWithTheLog(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		log := newState()
		var events []controlplane.Event
		for range rapid.IntRange(1, 12).Draw(t, "events") {
			ip := prefix(t, rapid.SampledFrom([]string{"2001:db8::5", "2001:db8::6", "2001:db8::/64", "2001:db8::/63", "1.2.3.4"}).Draw(t, "ip"))
			decide := controlplane.Unban{IP: ip}.Decide
			if rapid.Bool().Draw(t, "ban") {
				decide = controlplane.Ban{IP: ip, Automatic: rapid.Bool().Draw(t, "automatic")}.Decide
			}
			events = append(events, log.apply(t, decide))
			if diff := cmp.Diff(log.live(), heard(t, events)); diff != "" {
				t.Fatalf("an edge that heard everything (-log +edge):\n%s", diff)
			}
			left := slices.DeleteFunc(slices.Clone(events), func(e controlplane.Event) bool {
				return !slices.ContainsFunc(e.Entities, func(entity string) bool { return &log.latest[entity].Data[0] == &e.Data[0] })
			})
			if diff := cmp.Diff(log.live(), heard(t, left)); diff != "" {
				t.Fatalf("an edge after a replay (-log +edge):\n%s", diff)
			}
		}
	})
}

// live names the bans that the log lists.
func (s *state) live() map[string]bool {
	bans := map[string]bool{}
	for entity, e := range s.latest {
		if e.Live(s.now) {
			bans[entity] = true
		}
	}
	return bans
}

// heard names the bans of an edge that knows the events' data alone.
func heard(t tb, events []controlplane.Event) map[string]bool {
	bans := map[string]bool{}
	for _, e := range events {
		if e.Type == wire.TypeIPBanned {
			banned := decode[wire.IPBanned](t, e)
			entity := "ban/" + banned.IP
			if banned.Automatic {
				entity += "#auto"
			}
			bans[entity] = true
			continue
		}
		ip := decode[wire.IPUnbanned](t, e).IP
		delete(bans, "ban/"+ip)
		delete(bans, "ban/"+ip+"#auto")
		if addr, err := netip.ParseAddr(ip); err == nil && addr.Is6() {
			delete(bans, "ban/"+netip.PrefixFrom(addr, 64).Masked().String()+"#auto")
		}
	}
	return bans
}

// TestExpiry wants part of a second to count as a whole one, and event and data
// to agree.
func TestExpiry(t *testing.T) {
	t.Parallel()
	const century = 876_600 * time.Hour
	for ttl, want := range map[time.Duration]time.Duration{
		1: time.Second, time.Second - 1: time.Second, time.Second: time.Second, time.Second + 1: 2 * time.Second,
		1500 * time.Millisecond: 2 * time.Second, time.Minute: time.Minute, century: century,
	} {
		for name, decide := range map[string]controlplane.Decision{
			"ban":        controlplane.Ban{IP: prefix(t, "::1"), TTL: ttl}.Decide,
			"revocation": controlplane.Revocation{Token: wire.TokenRef{JTI: "j"}, TTL: ttl}.Decide,
		} {
			e := newState().apply(t, decide)
			var inData int64
			if name == "ban" {
				inData = decode[wire.IPBanned](t, e).ExpiresAt
			} else {
				inData = decode[wire.TokenRevoked](t, e).ExpiresAt
			}
			if got := e.ExpiresAt.Sub(noon); got != want || inData != e.ExpiresAt.Unix() {
				t.Errorf("%s for %v ends after %v, in its data at %d; want %v", name, ttl, got, inData, want)
			}
		}
	}
}

// leastBits is the widest that a prefix around an address may be.
func leastBits(addr netip.Addr) int {
	if addr.Is4() {
		return wire.MinPrefixBits4
	}
	return wire.MinPrefixBits6
}

// anyPrefix draws a canonical prefix that a mutation may name.
func anyPrefix(t *rapid.T) netip.Prefix {
	size := rapid.SampledFrom([]int{4, 16}).Draw(t, "size")
	addr, _ := netip.AddrFromSlice(rapid.SliceOfN(rapid.Byte(), size, size).Draw(t, "address"))
	addr = addr.Unmap()
	bits := rapid.IntRange(leastBits(addr), addr.BitLen()).Draw(t, "bits")
	return prefix(t, netip.PrefixFrom(addr, bits).Masked().String())
}

// near draws a prefix that is much like p: wider or narrower, perhaps off by a bit.
func near(t *rapid.T, p netip.Prefix) netip.Prefix {
	raw := p.Addr().AsSlice()
	if rapid.Bool().Draw(t, "off by a bit") {
		bit := rapid.IntRange(0, 8*len(raw)-1).Draw(t, "bit")
		raw[bit/8] ^= 0x80 >> (bit % 8)
	}
	addr, _ := netip.AddrFromSlice(raw)
	return netip.PrefixFrom(addr, rapid.IntRange(leastBits(addr), addr.BitLen()).Draw(t, "other bits")).Masked()
}

// TestCoveringBans wants just the bans that a look at each would find.
func TestCoveringBans(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		ip := anyPrefix(t)
		entities := controlplane.CoveringBans(ip)
		for range 20 {
			other := near(t, ip)
			covers := other.Bits() <= ip.Bits() && other.Contains(ip.Addr())
			for _, automatic := range []bool{false, true} {
				ban := newState().apply(t, controlplane.Ban{IP: other, Automatic: automatic}.Decide)
				if got := slices.Contains(entities, ban.Entities[0]); got != covers {
					t.Fatalf("%v is covered by %v (automatic: %t): %t, want %t", ip, other, automatic, got, covers)
				}
			}
		}
	})
}

// TestCoveringBansOrder wants the most specific first and the operator's before
// the automatic one.
func TestCoveringBansOrder(t *testing.T) {
	t.Parallel()
	got := controlplane.CoveringBans(prefix(t, "10.192.0.0/10"))
	want := []string{
		"ban/10.192.0.0/10", "ban/10.192.0.0/10#auto", "ban/10.128.0.0/9", "ban/10.128.0.0/9#auto", "ban/10.0.0.0/8", "ban/10.0.0.0/8#auto",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	rapid.Check(t, func(t *rapid.T) {
		ip := anyPrefix(t)
		var want []string
		for bits := ip.Bits(); bits >= leastBits(ip.Addr()); bits-- {
			wider, err := ip.Addr().Prefix(bits)
			if err != nil {
				t.Fatal(err)
			}
			text := wider.String()
			if bits == ip.Addr().BitLen() {
				text = ip.Addr().String()
			}
			want = append(want, "ban/"+text, "ban/"+text+"#auto")
		}
		if diff := cmp.Diff(want, controlplane.CoveringBans(ip)); diff != "" {
			t.Errorf("%v (-want +got):\n%s", ip, diff)
		}
	})
}
