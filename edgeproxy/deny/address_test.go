package deny

import (
	"net/netip"
	"testing"

	"github.com/ringcast/ringcast/internal/wire"
)

// TestTranslatedIsIPv4 in what is asked, and in what bans and allows.
func TestTranslatedIsIPv4(t *testing.T) {
	t.Parallel()
	f := synced(t, netip.MustParsePrefix("64:ff9b::192.0.2.0/120"))
	f.apply(
		&wire.IPBanned{IP: "10.1.2.3"}, &wire.IPBanned{IP: "64:ff9b::b00:1"}, &wire.IPBanned{IP: "64:ff9b::c00:0/104"},
		&wire.IPBanned{IP: "64:ff9b::/96"}, &wire.IPBanned{IP: "192.0.2.7"},
		&wire.IPBanned{IP: "13.0.0.1"}, &wire.IPAllowed{IP: "64:ff9b::d00:1"},
	)
	for range 2 {
		for addr, want := range map[string]bool{
			"64:ff9b::10.1.2.3": true, "10.1.2.3": true, "64:ff9b::10.1.2.4": false, "64:ff9b::1:a01:203": false, "64:ff9b:1::a01:203": false,
			"11.0.0.1": true, "64:ff9b::11.0.0.1": true, "12.200.0.1": true, "1.1.1.1": false, "64:ff9b::1.1.1.1": false,
			"192.0.2.7": false, "64:ff9b::192.0.2.7": false, "13.0.0.1": false,
		} {
			if _, banned := f.check(addr); banned != want {
				t.Errorf("%s banned: %v", addr, banned)
			}
		}
		f.reopen()
	}
	if allowed, err := f.list.Allowed(netip.MustParseAddr("64:ff9b::13.0.0.1")); !allowed || err != nil {
		t.Errorf("allowed: %v, %v", allowed, err)
	}
	f.apply(&wire.IPUnbanned{IP: "64:ff9b::b00:1"}, &wire.IPAllowRemoved{IP: "64:ff9b::d00:1"})
	f.wantBan("11.0.0.1", Ban{})
	f.wantBan("13.0.0.1", Ban{Prefix: netip.MustParsePrefix("13.0.0.1/32")})
}

// TestUnbanOfAnIPv6Client lifts what was decided automatically on its /64, whoever asks
// for it in whichever way, and nothing else.
func TestUnbanOfAnIPv6Client(t *testing.T) {
	t.Parallel()
	const addr, wider = "2001:db8::5", "2001:db8::/64"
	operator := Ban{Prefix: netip.MustParsePrefix(wider), Reason: "operator"}
	unbans := map[string]func(f *fixture){
		"unit": func(f *fixture) { f.apply(&wire.IPUnbanned{IP: addr}) },
		"reset": func(f *fixture) {
			f.must(f.state.BeginReset(t.Context()))
			f.must(f.state.Aside(t.Context(), []any{
				&wire.IPBanned{IP: wider, Automatic: true}, &wire.IPUnbanned{IP: addr}, &wire.IPBanned{IP: wider, Reason: "operator"},
			}))
			f.must(f.state.Switch(t.Context(), "e", 1))
		},
	}
	for name, unban := range unbans {
		f := synced(t)
		f.apply(&wire.IPBanned{IP: wider, Automatic: true}, &wire.IPBanned{IP: addr, Reason: "one"}, &wire.IPBanned{IP: wider, Reason: "operator"})
		f.banOwn(wider, 0)
		f.banOwn("2001:db8::/48", 2000)
		unban(f)
		f.wantBan(addr, operator)
		if own, err := f.list.BannedByEdge(operator.Prefix); own || err != nil {
			t.Errorf("%s: own ban of the /64: %v, %v", name, own, err)
		}
		f.apply(&wire.IPUnbanned{IP: wider}, &wire.IPUnbanned{IP: "2001:db8::/80"})
		f.wantBan(addr, Ban{Prefix: netip.MustParsePrefix("2001:db8::/48"), Origin: OriginOwn, Reason: "own", ExpiresAt: 2000})
		f.apply(&wire.IPBanned{IP: wider, Automatic: true}, &wire.IPUnbanned{IP: "2001:db8::6"})
		f.wantBan(addr, Ban{Prefix: netip.MustParsePrefix("2001:db8::/48"), Origin: OriginOwn, Reason: "own", ExpiresAt: 2000})
	}
}
