package deny

import (
	"errors"
	"net/netip"
	"testing"

	"github.com/ringcast/ringcast/internal/wire"
)

func (f *fixture) wantBan(addr string, want Ban) {
	f.tb.Helper()
	if got, _ := f.check(addr); got != want {
		f.tb.Errorf("%s: %+v, want %+v", addr, got, want)
	}
}

func TestOwnBanStandsBesideTheLogs(t *testing.T) {
	t.Parallel()
	f := synced(t)
	prefix := netip.MustParsePrefix("1.2.3.4/32")
	operator := Ban{Prefix: prefix, Reason: "operator", ExpiresAt: 1010}
	automatic := Ban{Prefix: prefix, Origin: OriginAutomatic, Reason: "fleet", ExpiresAt: 1020}
	f.apply(
		&wire.IPBanned{IP: "1.2.3.4", Reason: "operator", ExpiresAt: 1010},
		&wire.IPBanned{IP: "1.2.3.4", Reason: "fleet", Automatic: true, ExpiresAt: 1020},
	)
	f.banOwn("1.2.3.4", 1030)
	for second, want := range map[int64]Ban{
		1000: operator, 1009: operator, 1010: automatic, 1020: {Prefix: prefix, Origin: OriginOwn, Reason: "own", ExpiresAt: 1030}, 1030: {},
	} {
		f.clock.seconds.Store(second)
		f.wantBan("1.2.3.4", want)
	}
	f.clock.seconds.Store(1000)
	f.must(f.list.LiftOwn(t.Context(), f.state, prefix))
	f.wantBan("1.2.3.4", operator)
	f.clock.seconds.Store(1025)
	f.wantBan("1.2.3.4", Ban{})
}

func TestLaterEndOfOwnBansStays(t *testing.T) {
	t.Parallel()
	f := synced(t)
	own := func(expiresAt int64) Ban {
		return Ban{Prefix: netip.MustParsePrefix("2001:db8::/64"), Origin: OriginOwn, Reason: "own", ExpiresAt: expiresAt}
	}
	for _, step := range []struct{ ban, want int64 }{{1020, 1020}, {1010, 1020}, {1030, 1030}, {0, 0}, {1040, 0}} {
		f.banOwn("2001:db8::/64", step.ban)
		f.wantBan("2001:db8::5", own(step.want))
	}
	f.must(f.list.BanOwn(t.Context(), f.state,
		Ban{Prefix: netip.MustParsePrefix("3.3.3.3/32"), ExpiresAt: 1050},
		Ban{Prefix: netip.MustParsePrefix("3.3.3.3/32"), ExpiresAt: 1040},
		Ban{Prefix: netip.MustParsePrefix("4.4.4.4/32"), ExpiresAt: 1000}))
	f.wantBan("3.3.3.3", Ban{Prefix: netip.MustParsePrefix("3.3.3.3/32"), Origin: OriginOwn, ExpiresAt: 1050})
	f.wantBan("4.4.4.4", Ban{})
	if n := f.list.Counts().Prefixes; n != 2 {
		t.Errorf("%d prefixes: what had expired was written", n)
	}
}

// TestLateUnban wants an unban that is older than a ban of the edge's own to leave it,
// whichever way it comes, and the log's bans to go with any.
func TestLateUnban(t *testing.T) {
	t.Parallel()
	const addr, wider = "2001:db8::5", "2001:db8::/64"
	for timestamp, lifts := range map[int64]bool{990: false, 999: false, 1000: true, 1001: true, 0: true} {
		unban := &wire.IPUnbanned{IP: addr, Timestamp: timestamp}
		for name, steps := range map[string]func(f *fixture){
			"unit": func(f *fixture) { f.apply(unban) },
			"restart": func(f *fixture) {
				f.reopen()
				f.apply(&wire.IPUnbanned{IP: addr, Timestamp: 1}, unban, &wire.IPUnbanned{IP: addr, Timestamp: 2})
			},
			"reset": func(f *fixture) {
				f.must(f.state.BeginReset(t.Context()))
				f.must(f.state.Aside(t.Context(), []any{unban}))
				f.must(f.state.Switch(t.Context(), "e", 1))
			},
		} {
			f := synced(t)
			f.apply(&wire.IPBanned{IP: addr}, &wire.IPBanned{IP: wider, Automatic: true})
			f.banOwn(wider, 0)
			steps(f)
			if _, banned := f.check(addr); banned == lifts {
				t.Errorf("%s: unban at %d: banned %v", name, timestamp, banned)
			}
			if logged, err := f.list.BannedByLog(netip.MustParsePrefix(addr + "/128")); err != nil || name != "reset" && logged {
				t.Errorf("%s: unban at %d: the log's bans stay: %v", name, timestamp, err)
			}
			f.apply(&wire.IPUnbanned{IP: addr, Timestamp: 1000})
			f.wantBan(addr, Ban{})
		}
	}
}

// TestLateUnbanInAReset has the ban made while the reset gathers.
func TestLateUnbanInAReset(t *testing.T) {
	t.Parallel()
	f := synced(t)
	f.must(f.state.BeginReset(t.Context()))
	f.must(f.state.Aside(t.Context(), nil))
	for _, ip := range []string{"1.1.1.1", "2.2.2.2", "3.3.3.3"} {
		f.banOwn(ip, 0)
	}
	f.must(f.state.Aside(t.Context(), []any{
		&wire.IPUnbanned{IP: "1.1.1.1", Timestamp: 999}, &wire.IPUnbanned{IP: "2.2.2.2", Timestamp: 1000},
		&wire.IPUnbanned{IP: "3.3.3.3", Timestamp: 1000}, &wire.IPUnbanned{IP: "3.3.3.3", Timestamp: 999},
	}))
	f.must(f.state.Switch(t.Context(), "e", 1))
	for addr, want := range map[string]bool{"1.1.1.1": true, "2.2.2.2": false, "3.3.3.3": false} {
		if _, banned := f.check(addr); banned != want {
			t.Errorf("%s banned: %v", addr, banned)
		}
	}
}

// TestOwnBansSurvive a restart and a reset, except those that the reset lifts.
func TestOwnBansSurvive(t *testing.T) {
	t.Parallel()
	f := synced(t)
	f.banOwn("1.1.1.1", 0)
	f.banOwn("2.2.2.2", 0)
	f.apply(&wire.IPBanned{IP: "3.3.3.3"})
	f.reopen()
	f.must(f.list.tidy(t.Context(), f.state))
	f.must(f.state.BeginReset(t.Context()))
	f.must(f.state.Aside(t.Context(), []any{&wire.IPUnbanned{IP: "2.2.2.2"}}))
	f.must(f.flush())
	f.banOwn("4.4.4.4", 0)
	f.must(f.list.LiftOwn(t.Context(), f.state, netip.MustParsePrefix("5.5.5.5/32")))
	f.must(f.list.tidy(t.Context(), f.state))
	f.must(f.state.Switch(t.Context(), "e", 1))
	for addr, want := range map[string]bool{"1.1.1.1": true, "2.2.2.2": false, "3.3.3.3": false, "4.4.4.4": true} {
		if _, banned := f.check(addr); banned != want {
			t.Errorf("%s banned: %v", addr, banned)
		}
	}
	f.apply(&wire.IPUnbanned{IP: "1.1.1.1"})
	if _, banned := f.check("1.1.1.1"); banned {
		t.Error("an unban did not lift the edge's own ban")
	}
}

func TestOwnBanOfNonsense(t *testing.T) {
	t.Parallel()
	f := synced(t)
	good := Ban{Prefix: netip.MustParsePrefix("1.1.1.1/32")}
	for _, prefix := range []netip.Prefix{{}, netip.MustParsePrefix("10.0.0.1/8"), netip.MustParsePrefix("::/0")} {
		if err := f.list.BanOwn(t.Context(), f.state, good, Ban{Prefix: prefix}); !errors.Is(err, wire.ErrAddress) {
			t.Errorf("%v: %v", prefix, err)
		}
	}
	f.wantBan("1.1.1.1", Ban{})
}
