package deny

import (
	"net/netip"
	"testing"

	"github.com/ringcast/ringcast/internal/wire"
)

// TestAllowWins over narrower, equal and wider bans, with and without the index.
func TestAllowWins(t *testing.T) {
	t.Parallel()
	f := newFixture(t, netip.MustParsePrefix("192.0.2.0/24"), netip.MustParsePrefix("::ffff:198.51.100.7/128"), netip.MustParsePrefix("2001:db8:5::1/48"))
	f.must(f.state.BeginReset(t.Context()))
	f.must(f.state.Aside(t.Context(), []any{
		&wire.IPBanned{IP: "10.0.0.0/8"}, &wire.IPBanned{IP: "10.1.2.3"}, &wire.IPBanned{IP: "10.1.0.0/16"},
		&wire.IPBanned{IP: "192.0.2.1"}, &wire.IPBanned{IP: "198.51.100.0/24"}, &wire.IPBanned{IP: "2001:db8::/32"},
		&wire.IPAllowed{IP: "10.1.0.0/16", Reason: "office"}, &wire.IPAllowed{IP: "2001:db8:1::/64"},
	}))
	f.must(f.state.Switch(t.Context(), "e", 1))
	for range 2 {
		for addr, want := range map[string]bool{
			"10.1.2.3": false, "10.1.9.9": false, "10.2.0.0": true, "192.0.2.1": false, "198.51.100.7": false, "198.51.100.8": true,
			"2001:db8:1::9": false, "2001:db8:1:1::9": true, "2001:db8:5::9": false, "::ffff:10.1.2.3": false,
		} {
			if _, banned := f.check(addr); banned != want {
				t.Errorf("%s banned: %v", addr, banned)
			}
			allowed, err := f.list.Allowed(netip.MustParseAddr(addr))
			if f.must(err); allowed == want {
				t.Errorf("%s allowed: %v", addr, allowed)
			}
		}
		f.reopen()
	}
	if allowed, err := f.list.Allowed(netip.Addr{}); allowed || err != nil {
		t.Errorf("the zero Addr: %v, %v", allowed, err)
	}
}

// TestAllowEnds to the second, with a wider entry behind it, by the index and by SQLite
// alone, and by its removal; an unban is not one.
func TestAllowEnds(t *testing.T) {
	t.Parallel()
	f := synced(t)
	f.apply(
		&wire.IPBanned{IP: "10.1.2.3"}, &wire.IPBanned{IP: "10.1.2.4"}, &wire.IPBanned{IP: "10.1.2.0/24"},
		&wire.IPAllowed{IP: "10.1.2.3", ExpiresAt: 1010}, &wire.IPAllowed{IP: "10.1.0.0/16", ExpiresAt: 1020},
		&wire.IPAllowed{IP: "10.1.2.4"}, &wire.IPAllowed{IP: "10.1.2.4", ExpiresAt: 1000},
	)
	for _, step := range []struct {
		second int64
		banned bool
	}{{1009, false}, {1010, false}, {1019, false}, {1020, true}} {
		f.clock.seconds.Store(step.second)
		for _, indexed := range []bool{true, false} {
			if !indexed {
				f.reopen()
			}
			for _, addr := range []string{"10.1.2.3", "10.1.2.4"} {
				if _, banned := f.check(addr); banned != step.banned {
					t.Errorf("%s at %d banned: %v, index %v", addr, step.second, banned, indexed)
				}
			}
		}
		f.must(f.list.build(t.Context()))
	}
	f.apply(&wire.IPAllowed{IP: "10.1.2.0/24"}, &wire.IPUnbanned{IP: "10.1.2.0/24"})
	f.wantBan("10.1.2.3", Ban{})
	f.apply(&wire.IPAllowRemoved{IP: "10.1.2.0/24"})
	f.wantBan("10.1.2.3", Ban{Prefix: netip.MustParsePrefix("10.1.2.3/32")})
	f.wantBan("10.1.2.9", Ban{})
}

// TestAllowedThroughout changes which entry allows an address, and which ban covers
// it: no answer may ever say that it is refused.
func TestAllowedThroughout(t *testing.T) {
	t.Parallel()
	f := synced(t)
	narrow := []any{&wire.IPAllowed{IP: "1.2.3.4"}, &wire.IPAllowRemoved{IP: "1.2.0.0/16"}, &wire.IPBanned{IP: "1.2.3.0/24"}, &wire.IPUnbanned{IP: "1.2.3.4"}}
	wide := []any{&wire.IPAllowed{IP: "1.2.0.0/16"}, &wire.IPAllowRemoved{IP: "1.2.3.4"}, &wire.IPBanned{IP: "1.2.3.4"}, &wire.IPUnbanned{IP: "1.2.3.0/24"}}
	f.apply(wide...)
	stop := repeat(t, func() bool {
		_, banned, err := f.list.Check(netip.MustParseAddr("1.2.3.4"))
		if banned || err != nil {
			t.Errorf("banned %v, error %v", banned, err)
		}
		return !banned && err == nil
	})
	for round := range 100 {
		if round%10 == 9 {
			f.list.mu.Lock()
			f.list.index = nil
			f.list.mu.Unlock()
		}
		f.apply(narrow...)
		f.must(f.state.BeginReset(t.Context()))
		f.must(f.state.Aside(t.Context(), wide))
		f.must(f.state.Switch(t.Context(), "e", 1))
		f.must(f.list.tidy(t.Context(), f.state))
	}
	stop()
}
