package deny

import (
	"context"
	"errors"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"github.com/ringcast/ringcast/internal/wire"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestNonsenseIsRefusedWhole(t *testing.T) {
	t.Parallel()
	f := synced(t)
	must := f.must
	for _, event := range []any{
		&wire.IPBanned{IP: ""}, &wire.IPBanned{IP: "1.2.3.4:80"}, &wire.IPBanned{IP: "10.0.0.1/8"}, &wire.IPBanned{IP: "::/0"},
		&wire.IPUnbanned{IP: "fe80::1%eth0"}, &wire.IPAllowed{IP: "10.0.0.1/8"}, &wire.IPAllowRemoved{}, &wire.TokenRevoked{}, &wire.TokenRestored{},
		&wire.TokenRevoked{TokenRef: wire.TokenRef{JTI: "a", Subject: "b"}},
		&wire.TokenRestored{TokenRef: wire.TokenRef{JTI: "a", TokenHash: strings.Repeat("a", hashHexLen)}},
		&wire.TokenRevoked{TokenRef: wire.TokenRef{TokenHash: "abc"}},
		&wire.TokenRevoked{TokenRef: wire.TokenRef{TokenHash: strings.Repeat("A", hashHexLen)}},
		&wire.TokenRevoked{TokenRef: wire.TokenRef{TokenHash: strings.Repeat("x", hashHexLen)}},
	} {
		if err := f.tryApply(&wire.IPBanned{IP: "1.1.1.1"}, event); !errors.Is(err, wire.ErrUndecodable) {
			t.Errorf("apply %+v: %v", event, err)
		}
		must(f.state.BeginReset(t.Context()))
		if err := f.state.Aside(t.Context(), []any{event}); !errors.Is(err, wire.ErrUndecodable) {
			t.Errorf("aside %+v: %v", event, err)
		}
	}
	if _, banned := f.check("1.1.1.1"); banned {
		t.Error("a unit with a nonsensical event was applied in part")
	}
	f.apply(&wire.CacheInvalidated{All: true}, nil, "another type")
}

func TestBanTellsWhy(t *testing.T) {
	t.Parallel()
	f := synced(t)
	f.apply(
		&wire.IPBanned{IP: "1.2.0.0/16", Reason: "net", ExpiresAt: 1500},
		&wire.IPBanned{IP: "1.2.3.4", Reason: "auto", Automatic: true},
		&wire.IPBanned{IP: "1.2.3.4", Reason: "operator", ExpiresAt: 1001},
	)
	addr := netip.MustParsePrefix("1.2.3.4/32")
	for second, want := range map[int64]Ban{
		1000: {Prefix: addr, Origin: OriginOperator, Reason: "operator", ExpiresAt: 1001},
		1001: {Prefix: addr, Origin: OriginAutomatic, Reason: "auto"},
	} {
		f.clock.seconds.Store(second)
		if got, _ := f.check("::ffff:1.2.3.4"); got != want {
			t.Errorf("at %d: %+v, want %+v", second, got, want)
		}
	}
}

func TestZeroAddrIsNotBanned(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	for range 2 {
		if _, found, err := f.list.Check(netip.Addr{}); found || err != nil {
			t.Errorf("found %v, error %v", found, err)
		}
		f.must(f.list.build(t.Context()))
	}
}

func TestCounts(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	if got := f.list.Counts(); got != (Counts{}) {
		t.Errorf("before the index: %+v", got)
	}
	f.must(f.state.BeginReset(t.Context()))
	f.must(f.state.Aside(t.Context(), []any{
		&wire.IPBanned{IP: "1.2.3.4"}, &wire.IPBanned{IP: "1.2.3.4", Automatic: true}, &wire.IPBanned{IP: "::1"},
		&wire.TokenRevoked{TokenRef: wire.TokenRef{JTI: "a"}}, &wire.IPAllowed{IP: "1.2.3.4"},
	}))
	f.must(f.state.Switch(t.Context(), "e", 1))
	if got, want := f.list.Counts(), (Counts{Prefixes: 2, Allows: 1, Revocations: 1, Indexed: true}); got != want {
		t.Errorf("%+v, want %+v", got, want)
	}
}

// TestChangesWhileTheIndexIsBuilt has every kind of change after the rows were
// read and before the index is in place.
func TestChangesWhileTheIndexIsBuilt(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(f *fixture){
		"unit": func(f *fixture) {
			f.apply(&wire.IPBanned{IP: "2.2.2.2"}, &wire.IPUnbanned{IP: "1.1.1.1"},
				&wire.IPAllowed{IP: "3.3.3.3", ExpiresAt: 2000}, &wire.IPAllowRemoved{IP: "4.4.4.4"})
		},
		"switch": func(f *fixture) {
			f.must(f.state.BeginReset(t.Context()))
			f.must(f.state.Aside(t.Context(), []any{&wire.IPBanned{IP: "2.2.2.2"}}))
			f.must(f.state.Switch(t.Context(), "e", 1))
		},
	} {
		f := synced(t)
		f.apply(&wire.IPBanned{IP: "1.1.1.1"}, &wire.IPAllowed{IP: "4.4.4.4"})
		f.reopen()
		slot, needed := f.list.beginBuild()
		built := newIndex()
		f.must(built.read(t.Context(), f.list.read, slot, f.list.seed))
		change(f)
		f.list.endBuild(built, true)
		if _, banned := f.check("2.2.2.2"); !banned || !needed {
			t.Errorf("%s: the new ban is not in force", name)
		}
		if diff := f.disagreement(); diff != "" {
			t.Errorf("%s: rows and index differ: %s", name, diff)
		}
	}
}

// TestKilledDuringReset opens the files as a kill in the middle of a reset leaves
// them.
func TestKilledDuringReset(t *testing.T) {
	t.Parallel()
	f := synced(t)
	f.apply(&wire.IPBanned{IP: "1.1.1.1"})
	f.must(f.state.BeginReset(t.Context()))
	f.must(f.state.Aside(t.Context(), []any{&wire.IPBanned{IP: "2.2.2.2"}}))
	f.must(f.flush())

	killed := &fixture{tb: t, clock: f.clock, path: filepath.Join(t.TempDir(), "state.db")}
	for _, suffix := range []string{"", "-wal"} {
		data, err := os.ReadFile(f.path + suffix)
		f.must(err)
		f.must(os.WriteFile(killed.path+suffix, data, 0o600))
	}
	killed.open()
	defer killed.state.Close()
	expect := func(addr string, want bool) {
		t.Helper()
		if _, banned := killed.check(addr); banned != want {
			t.Errorf("%s banned: %v", addr, banned)
		}
	}
	expect("1.1.1.1", true)
	expect("2.2.2.2", false)
	var left int
	f.must(killed.list.read.QueryRow(`SELECT count(*) FROM ` + banTable(1-killed.list.slot)).Scan(&left))
	if left != 0 {
		t.Errorf("%d rows of the reset are left", left)
	}
	killed.must(killed.state.BeginReset(t.Context()))
	killed.must(killed.state.Switch(t.Context(), "e", 9))
	expect("1.1.1.1", false)
	expect("2.2.2.2", false)
}

// TestDeniedThroughout changes what denies an address and a token, by units and by
// resets, while others ask: no answer may ever say that they are allowed.
func TestDeniedThroughout(t *testing.T) {
	t.Parallel()
	for name, indexed := range map[string]bool{"index": true, "SQLite alone": false} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := synced(t)
			hash := strings.Repeat("a", hashHexLen)
			narrow := []any{&wire.IPBanned{IP: "1.2.3.4"}, &wire.IPUnbanned{IP: "1.2.3.0/24"},
				&wire.TokenRevoked{TokenRef: wire.TokenRef{JTI: "a"}}, &wire.TokenRestored{TokenRef: wire.TokenRef{TokenHash: hash}}}
			wide := []any{&wire.IPBanned{IP: "1.2.3.0/24"}, &wire.IPUnbanned{IP: "1.2.3.4"},
				&wire.TokenRevoked{TokenRef: wire.TokenRef{TokenHash: hash}}, &wire.TokenRestored{TokenRef: wire.TokenRef{JTI: "a"}}}
			f.apply(wide...)
			if !indexed {
				f.reopen()
			}
			stop := ask(t, f.list, Token{JTI: "a", Hash: hash})
			for round := range 150 {
				if !indexed && round%10 == 9 {
					f.list.mu.Lock()
					f.list.index = nil
					f.list.mu.Unlock()
				}
				f.apply(narrow...)
				f.must(f.state.BeginReset(t.Context()))
				f.must(f.state.Aside(t.Context(), wide))
				f.must(f.state.Switch(t.Context(), "e", 1))
				f.must(f.list.tidy(t.Context(), f.state))
				f.apply(narrow...)
				f.apply(wide...)
			}
			stop()
		})
	}
}

// ask checks 1.2.3.4 and token in the background until stop, which waits.
func ask(t *testing.T, list *List, token Token) (stop func()) {
	ctx, cancel := context.WithCancel(t.Context())
	var askers sync.WaitGroup
	for range 2 {
		askers.Go(func() {
			addr := netip.MustParseAddr("1.2.3.4")
			for ctx.Err() == nil {
				if _, banned, err := list.Check(addr); !banned || err != nil {
					t.Errorf("address: banned %v, error %v", banned, err)
					return
				}
				if _, revoked, err := list.CheckToken(token); !revoked || err != nil {
					t.Errorf("token: revoked %v, error %v", revoked, err)
					return
				}
			}
		})
	}
	return func() {
		cancel()
		askers.Wait()
	}
}

const marginSeconds = int64(tidyMargin / time.Second)

// TestRunTidies lets minutes pass in no time.
func TestRunTidies(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := synced(t)
		f.apply(
			&wire.IPBanned{IP: "1.1.1.1"}, &wire.IPBanned{IP: "1.1.1.1", Automatic: true, ExpiresAt: 1005},
			&wire.IPBanned{IP: "2.2.2.2", ExpiresAt: 1005},
			&wire.TokenRevoked{TokenRef: wire.TokenRef{Subject: "u"}, ExpiresAt: 1005},
			&wire.IPAllowed{IP: "1.1.0.0/16", ExpiresAt: 1005}, &wire.IPAllowed{IP: "4.4.4.4"},
		)
		f.banOwn("3.3.3.3", 1005)
		f.reopen()
		ctx, cancel := context.WithCancel(t.Context())
		var run sync.WaitGroup
		run.Go(func() { f.must(f.list.Run(ctx, f.state)) })
		expect := func(want Counts) {
			t.Helper()
			synctest.Wait()
			if got := f.list.Counts(); got != want {
				t.Errorf("%+v, want %+v", got, want)
			}
		}
		expect(Counts{Prefixes: 3, Allows: 2, Revocations: 1, Indexed: true})
		f.clock.seconds.Store(1004 + marginSeconds)
		<-time.After(tidyEvery)
		expect(Counts{Prefixes: 3, Allows: 2, Revocations: 1, Indexed: true})
		f.clock.seconds.Store(1005 + marginSeconds)
		<-time.After(tidyEvery)
		expect(Counts{Prefixes: 1, Allows: 1, Indexed: true})

		f.must(f.state.BeginReset(ctx))
		f.must(f.state.Switch(ctx, "e", 2))
		expect(Counts{Indexed: true})
		var left int
		f.must(f.list.read.QueryRow(`SELECT count(*) FROM ` + banTable(1-f.list.slot)).Scan(&left))
		if left != 0 {
			t.Errorf("%d rows of the former state are left", left)
		}
		cancel()
		run.Wait()
		f.must(f.state.Close())
	})
}

// TestExpiryInSteps has more expired rows than one step drops, and some that a
// step has to leave.
func TestExpiryInSteps(t *testing.T) {
	t.Parallel()
	f := synced(t)
	var events []any
	for i := range 3*tidyRows + 7 {
		ip := netip.AddrFrom4([4]byte{10, byte(i >> 16), byte(i >> 8), byte(i)}).String()
		events = append(events, &wire.IPBanned{IP: ip, ExpiresAt: int64(1001 + i%2)},
			&wire.IPAllowed{IP: ip, ExpiresAt: int64(1001 + i%2)},
			&wire.TokenRevoked{TokenRef: wire.TokenRef{JTI: ip}, ExpiresAt: int64(1001 + i%2)})
	}
	f.apply(events...)
	for second, want := range []int{3*tidyRows + 7, (3*tidyRows + 7) / 2, 0} {
		f.clock.seconds.Store(1000 + marginSeconds + int64(second))
		f.must(f.list.tidy(t.Context(), f.state))
		if got := f.list.Counts(); got.Prefixes != want || got.Allows != want || got.Revocations != want {
			t.Errorf("after %d s: %+v, want %d of each", second, got, want)
		}
	}
	if diff := f.disagreement(); diff != "" {
		t.Errorf("rows are left: %s", diff)
	}
}
