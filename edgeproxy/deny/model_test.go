package deny

import (
	"cmp"
	"context"
	"database/sql"
	"fmt"
	"io"
	"log/slog"
	"net/netip"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"

	"github.com/ringcast/ringcast/edgeproxy"
	"github.com/ringcast/ringcast/edgeproxy/state"
	"github.com/ringcast/ringcast/internal/wire"
)

// clock is a clock that a test sets, in Unix seconds.
type clock struct{ seconds atomic.Int64 }

func (c *clock) now() time.Time { return time.Unix(c.seconds.Load(), 0) }

// fixture is a list with the state file that it is a part of.
type fixture struct {
	tb    testing.TB
	clock *clock
	path  string
	// static are the allow entries that the list is made with.
	static []netip.Prefix
	list   *List
	state  *state.State
}

func newFixture(tb testing.TB, static ...netip.Prefix) *fixture {
	f := &fixture{tb: tb, clock: new(clock), path: filepath.Join(tb.TempDir(), "state.db"), static: static}
	f.clock.seconds.Store(1000)
	f.open()
	tb.Cleanup(func() { f.state.Close() })
	return f
}

// synced is a fixture whose first reset was empty and ended at position 1.
func synced(tb testing.TB, static ...netip.Prefix) *fixture {
	f := newFixture(tb, static...)
	f.must(f.state.BeginReset(f.tb.Context()))
	f.must(f.state.Switch(f.tb.Context(), "e", 1))
	return f
}

func (f *fixture) open() {
	f.list = New(slog.New(slog.NewTextHandler(io.Discard, nil)), f.clock.now, f.static...)
	s, err := state.Open(context.Background(), f.path, slog.New(slog.NewTextHandler(io.Discard, nil)), f.list)
	f.must(err)
	f.state = s
}

func (f *fixture) reopen() {
	f.must(f.state.Close())
	f.open()
}

func (f *fixture) must(err error) {
	f.tb.Helper()
	if err != nil {
		f.tb.Fatal(err)
	}
}

// apply puts events in force as one unit.
func (f *fixture) apply(events ...any) {
	f.tb.Helper()
	f.must(f.tryApply(events...))
}

func (f *fixture) tryApply(events ...any) error {
	cursor, _ := f.state.Cursor()
	return f.state.Apply(context.Background(), []edgeproxy.Unit{{Position: cursor.Position + 1, Events: events}})
}

// banOwn bans on the edge's own behalf.
func (f *fixture) banOwn(ip string, expiresAt int64) {
	f.tb.Helper()
	f.must(f.list.BanOwn(context.Background(), f.state, Ban{Prefix: netip.MustParsePrefix(withBits(ip)), Reason: "own", ExpiresAt: expiresAt}))
}

func (f *fixture) check(addr string) (Ban, bool) {
	f.tb.Helper()
	ban, found, err := f.list.Check(netip.MustParseAddr(addr))
	f.must(err)
	return ban, found
}

// disagreement compares what the index holds with what SQLite holds.
func (f *fixture) disagreement() string {
	f.tb.Helper()
	indexed := map[string]int64{}
	for prefix := range f.list.index.prefixes.All() {
		indexed["ban "+wire.FormatPrefix(prefix)] = 0
	}
	for prefix, expiresAt := range f.list.index.allows.All() {
		indexed["allow "+wire.FormatPrefix(prefix)] = expiresAt
	}
	rows, err := f.list.read.Query(`SELECT 'ban ' || prefix, 0 FROM bans UNION ALL SELECT 'allow ' || prefix, expires_at FROM allows`)
	f.must(err)
	defer rows.Close()
	stored := map[string]int64{}
	for rows.Next() {
		var text string
		var expiresAt int64
		f.must(rows.Scan(&text, &expiresAt))
		stored[text] = expiresAt
	}
	f.must(rows.Err())
	return gocmp.Diff(stored, indexed)
}

// model is the naive deny list: it keeps everything and looks at everything.
type model struct {
	bans   map[modelBan]modelEnd
	allows map[netip.Prefix]int64
	tokens map[wire.TokenRef]modelEnd
}

type modelBan struct {
	prefix netip.Prefix
	origin Origin
}

type modelEnd struct {
	expiresAt, issuedBefore int64
	reason                  string
	madeAt                  int64
}

func newModel() *model {
	return &model{bans: map[modelBan]modelEnd{}, allows: map[netip.Prefix]int64{}, tokens: map[wire.TokenRef]modelEnd{}}
}

// reset keeps the own bans only.
func (m *model) reset() *model {
	fresh := newModel()
	for ban, end := range m.bans {
		if ban.origin == OriginOwn {
			fresh.bans[ban] = end
		}
	}
	return fresh
}

func (m *model) apply(events []any) {
	for _, event := range events {
		switch event := event.(type) {
		case *wire.IPBanned:
			key := modelBan{prefix: netip.MustParsePrefix(withBits(event.IP))}
			if event.Automatic {
				key.origin = OriginAutomatic
			}
			m.bans[key] = modelEnd{expiresAt: event.ExpiresAt, reason: event.Reason}
		case *wire.IPUnbanned:
			prefix := netip.MustParsePrefix(withBits(event.IP))
			delete(m.bans, modelBan{prefix, OriginOperator})
			m.unban(prefix, event.Timestamp)
			if prefix.Bits() == 128 {
				m.unban(netip.PrefixFrom(prefix.Addr(), 64).Masked(), event.Timestamp)
			}
		case *wire.IPAllowed:
			m.allows[netip.MustParsePrefix(withBits(event.IP))] = event.ExpiresAt
		case *wire.IPAllowRemoved:
			delete(m.allows, netip.MustParsePrefix(withBits(event.IP)))
		case *wire.TokenRevoked:
			m.tokens[event.TokenRef] = modelEnd{expiresAt: event.ExpiresAt, issuedBefore: event.IssuedBefore, reason: event.Reason}
		case *wire.TokenRestored:
			delete(m.tokens, event.TokenRef)
		}
	}
}

// unban lifts automatic bans.
func (m *model) unban(prefix netip.Prefix, timestamp int64) {
	delete(m.bans, modelBan{prefix, OriginAutomatic})
	if own := (modelBan{prefix, OriginOwn}); timestamp == 0 || m.bans[own].madeAt <= timestamp {
		delete(m.bans, own)
	}
}

func withBits(ip string) string {
	if addr, err := netip.ParseAddr(ip); err == nil {
		return fmt.Sprintf("%s/%d", ip, addr.BitLen())
	}
	return ip
}

// banOwn gives the end of the edge's own ban after another until expiresAt.
func (m *model) banOwn(prefix netip.Prefix, expiresAt, now int64) int64 {
	key := modelBan{prefix, OriginOwn}
	earlier, found := m.bans[key]
	if found && live(earlier.expiresAt, now) && (earlier.expiresAt == 0 || expiresAt != 0 && earlier.expiresAt > expiresAt) {
		expiresAt = earlier.expiresAt
	}
	m.bans[key] = modelEnd{expiresAt: expiresAt, reason: "own", madeAt: now}
	return expiresAt
}

func (m *model) liftOwn(prefix netip.Prefix) { delete(m.bans, modelBan{prefix, OriginOwn}) }

func (m *model) allowed(addr netip.Addr, now int64) bool {
	for prefix, expiresAt := range m.allows {
		if prefix.Contains(addr) && (expiresAt == 0 || now < expiresAt) {
			return true
		}
	}
	return false
}

// logged tells whether a ban of the log covers the whole prefix.
func (m *model) logged(prefix netip.Prefix, now int64) bool {
	for key, end := range m.bans {
		if key.origin != OriginOwn && key.prefix.Bits() <= prefix.Bits() && key.prefix.Contains(prefix.Addr()) &&
			(end.expiresAt == 0 || now < end.expiresAt) {
			return true
		}
	}
	return false
}

func (m *model) check(addr netip.Addr, now int64) (best Ban, found bool) {
	if m.allowed(addr, now) {
		return Ban{}, false
	}
	for key, end := range m.bans {
		if !key.prefix.Contains(addr) || end.expiresAt != 0 && end.expiresAt <= now {
			continue
		}
		if !found || cmp.Or(cmp.Compare(best.Prefix.Bits(), key.prefix.Bits()), -cmp.Compare(best.Origin, key.origin)) < 0 {
			best, found = Ban{key.prefix, key.origin, end.reason, end.expiresAt}, true
		}
	}
	return best, found
}

func (m *model) checkToken(t Token, now int64) (Kind, bool) {
	for _, try := range []struct {
		kind Kind
		ref  wire.TokenRef
	}{
		{KindHash, wire.TokenRef{TokenHash: t.Hash}},
		{KindJTI, wire.TokenRef{JTI: t.JTI}},
		{KindSubject, wire.TokenRef{Subject: t.Subject}},
	} {
		end, found := m.tokens[try.ref]
		if !found || try.ref == (wire.TokenRef{}) || end.expiresAt != 0 && end.expiresAt <= now {
			continue
		}
		if try.kind != KindSubject || t.IssuedAt == 0 || t.IssuedAt <= end.issuedBefore {
			return try.kind, true
		}
	}
	return "", false
}

// flush writes what a reset has gathered, as a larger one would on its way.
func (f *fixture) flush() error {
	return f.state.Update(context.Background(), func(tx *sql.Tx) (func(), error) {
		return nil, f.list.flush(context.Background(), tx)
	})
}
