package autoban

import (
	"context"
	"log/slog"
	"net/netip"
	"path/filepath"
	"testing"
	"time"

	"github.com/ringcast/ringcast/edgeproxy"
	"github.com/ringcast/ringcast/edgeproxy/deny"
	"github.com/ringcast/ringcast/edgeproxy/state"
	"github.com/ringcast/ringcast/internal/wire"
)

// denyList is the edge's deny list as the wiring gives it to a warden.
type denyList struct {
	list  *deny.List
	state *state.State
}

func (d denyList) Ban(ctx context.Context, bans []Ban) error {
	own := make([]deny.Ban, len(bans))
	for i, ban := range bans {
		own[i] = deny.Ban{Prefix: ban.Prefix, Reason: Reason, ExpiresAt: ban.End().Unix()}
	}
	return d.list.BanOwn(ctx, d.state, own...)
}

func (d denyList) Lift(ctx context.Context, prefix netip.Prefix) error {
	return d.list.LiftOwn(ctx, d.state, prefix)
}

func (d denyList) Banned(addr netip.Addr) (bool, error) {
	_, banned, err := d.list.Check(addr)
	return banned, err
}

func (d denyList) Own(prefix netip.Prefix) (bool, error) { return d.list.BannedByEdge(prefix) }

func (d denyList) Recorded(prefix netip.Prefix) (bool, error) { return d.list.BannedByLog(prefix) }

func (d denyList) Exempt(addr netip.Addr, _ netip.Prefix) (bool, error) { return d.list.Allowed(addr) }

// TestOnADenyList bans in a state file, beside what the log says.
func TestOnADenyList(t *testing.T) {
	t.Parallel()
	list := deny.New(slog.New(slog.DiscardHandler), time.Now, netip.MustParsePrefix("11.0.0.8/32"))
	s, err := state.Open(t.Context(), filepath.Join(t.TempDir(), "state.db"), slog.New(slog.DiscardHandler), list)
	must(t, err)
	defer s.Close()
	must(t, s.BeginReset(t.Context()))
	must(t, s.Aside(t.Context(), []any{
		&wire.IPBanned{IP: "11.0.0.1", Reason: "operator"}, &wire.IPAllowed{IP: "11.0.0.9"}, &wire.IPBanned{IP: "2001:db8::1", Reason: "one of them"},
	}))
	must(t, s.Switch(t.Context(), "e", 1))

	w := newWarden(t, usual, Deps{Bans: denyList{list, s}})
	stop := start(t, w)
	addrs := []netip.Addr{address(1), address(2), address(8), address(9), netip.MustParseAddr("2001:db8::2")}
	for range usual.Failures {
		for _, addr := range addrs {
			w.Failed(addr)
		}
	}
	for t.Context().Err() == nil && w.Stats().Banned+w.Stats().Exempt < 4 {
		pause(t.Context(), time.Millisecond)
	}
	stop()
	expect := func(addr netip.Addr, origin deny.Origin, reason string) {
		t.Helper()
		ban, _, err := list.Check(addr)
		if err != nil || ban.Reason != reason || ban.Origin != origin {
			t.Errorf("%s: %+v, %v", addr, ban, err)
		}
	}
	expect(address(1), deny.OriginOperator, "operator")
	expect(address(2), deny.OriginOwn, Reason)
	expect(address(8), 0, "")
	expect(address(9), 0, "")
	expect(netip.MustParseAddr("2001:db8::3"), deny.OriginOwn, Reason)
	expect(netip.MustParseAddr("2001:db8::1"), deny.OriginOperator, "one of them")
	expectOwn := func(prefix string, want bool) {
		t.Helper()
		if own, err := w.bans.Own(netip.MustParsePrefix(prefix)); own != want || err != nil {
			t.Errorf("%s: own %v, %v", prefix, own, err)
		}
	}
	expectOwn("11.0.0.1/32", false)
	expectOwn("11.0.0.2/32", true)
	expectOwn("2001:db8::/64", true)
	must(t, s.Apply(t.Context(), []edgeproxy.Unit{{Position: 2, Events: []any{
		&wire.IPUnbanned{IP: "11.0.0.2"}, &wire.IPUnbanned{IP: "2001:db8::2"},
	}}}))
	expect(address(2), 0, "")
	expect(netip.MustParseAddr("2001:db8::2"), 0, "")
	expectOwn("11.0.0.2/32", false)
	expectOwn("2001:db8::/64", false)
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
