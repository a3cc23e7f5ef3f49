package deny

import (
	"net/netip"
	"testing"

	"github.com/ringcast/ringcast/internal/wire"
)

// TestClockJumpsAhead by less than the margin while units and a reset bring what has
// expired by it: once the clock is right everything counts.
func TestClockJumpsAhead(t *testing.T) {
	t.Parallel()
	events := []any{
		&wire.IPBanned{IP: "1.1.1.1", ExpiresAt: 1060}, &wire.IPBanned{IP: "2.2.2.2"},
		&wire.IPAllowed{IP: "2.2.2.2", ExpiresAt: 1060}, &wire.TokenRevoked{TokenRef: wire.TokenRef{JTI: "a"}, ExpiresAt: 1060},
	}
	for name, bring := range map[string]func(f *fixture){
		"before": func(f *fixture) {
			f.clock.seconds.Store(1000)
			f.apply(events...)
			f.clock.seconds.Store(1059 + marginSeconds)
		},
		"unit": func(f *fixture) { f.apply(events...) },
		"reset": func(f *fixture) {
			f.must(f.state.BeginReset(t.Context()))
			f.must(f.state.Aside(t.Context(), events))
			f.must(f.state.Switch(t.Context(), "e", 1))
		},
	} {
		f := synced(t)
		f.clock.seconds.Store(1059 + marginSeconds)
		expect := func(inForce bool) {
			t.Helper()
			_, banned := f.check("1.1.1.1")
			_, refused := f.check("2.2.2.2")
			_, revoked, err := f.list.CheckToken(Token{JTI: "a"})
			if banned != inForce || refused == inForce || revoked != inForce || err != nil {
				t.Errorf("%s: banned %v, allowed %v, revoked %v, %v; in force: %v", name, banned, !refused, revoked, err, inForce)
			}
		}
		bring(f)
		expect(false)
		f.must(f.list.tidy(t.Context(), f.state))
		f.reopen()
		f.clock.seconds.Store(1000)
		expect(true)
	}
}

// TestLongExpiredInAReset is gone with the first tidying, and ends what it succeeded.
func TestLongExpiredInAReset(t *testing.T) {
	t.Parallel()
	f := synced(t)
	f.clock.seconds.Store(100_000)
	f.apply(&wire.IPBanned{IP: "1.1.1.1"}, &wire.IPBanned{IP: "1.1.1.1", ExpiresAt: 1})
	f.wantBan("1.1.1.1", Ban{})
	f.must(f.state.BeginReset(t.Context()))
	f.must(f.state.Aside(t.Context(), []any{
		&wire.IPBanned{IP: "1.1.1.1", ExpiresAt: 1}, &wire.IPBanned{IP: "1.1.0.0/16"}, &wire.IPAllowed{IP: "1.1.1.1", ExpiresAt: 1},
		&wire.TokenRevoked{TokenRef: wire.TokenRef{JTI: "a"}, ExpiresAt: 1},
	}))
	f.must(f.state.Switch(t.Context(), "e", 1))
	f.wantBan("1.1.1.1", Ban{Prefix: netip.MustParsePrefix("1.1.0.0/16")})
	f.must(f.list.tidy(t.Context(), f.state))
	f.wantBan("1.1.1.1", Ban{Prefix: netip.MustParsePrefix("1.1.0.0/16")})
	if got, want := f.list.Counts(), (Counts{Prefixes: 1, Indexed: true}); got != want {
		t.Errorf("%+v, want %+v", got, want)
	}
}
