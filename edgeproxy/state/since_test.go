package state

import (
	"log/slog"
	"path/filepath"
	"testing"
	"testing/synctest"
	"time"

	"github.com/ringcast/ringcast/edgeproxy"
	"github.com/ringcast/ringcast/internal/wire"
)

// The time at which a position came in force is that of its publishing, stays when the
// position is told again, and is not known after a restart.
func TestInForceSince(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		path, begun := filepath.Join(t.TempDir(), "state.db"), time.Now()
		part := new(probe)
		open := func() *State {
			s, err := Open(t.Context(), path, slog.New(slog.DiscardHandler), part)
			if err != nil {
				t.Fatal(err)
			}
			return s
		}
		s := open()
		defer func() { _ = s.Close() }()
		expect := func(position uint64, since time.Duration) {
			t.Helper()
			cursor, at, ok := s.InForceSince()
			if want := (wire.Cursor{Epoch: "e1", Position: position}); !ok || cursor != want || at.Sub(begun) != since {
				t.Errorf("%s since %s, %t; want %s since %s", cursor, at.Sub(begun), ok, want, since)
			}
		}
		apply := func(position uint64, events ...any) {
			t.Helper()
			if err := s.Apply(t.Context(), []edgeproxy.Unit{{Position: position, Events: events}}); err != nil {
				t.Fatal(err)
			}
		}
		if _, at, ok := s.InForceSince(); ok || !at.IsZero() {
			t.Errorf("in force since %s before the first sync", at)
		}
		time.Sleep(time.Second)
		if err := s.BeginReset(t.Context()); err != nil {
			t.Fatal(err)
		}
		if err := s.Switch(t.Context(), "e1", 5); err != nil {
			t.Fatal(err)
		}
		expect(5, time.Second)
		time.Sleep(time.Second)
		apply(5) // a stream tells where it is
		expect(5, time.Second)
		part.published = func() { time.Sleep(time.Second) }
		apply(6, "a")
		expect(6, 3*time.Second)

		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
		s, part = nil, new(probe)
		s = open()
		if cursor, at, ok := s.InForceSince(); !ok || cursor.Position != 6 || !at.IsZero() {
			t.Errorf("after a restart: %s since %s", cursor, at)
		}
		apply(6)
		if _, at, _ := s.InForceSince(); !at.IsZero() {
			t.Errorf("told again after a restart: since %s", at)
		}
	})
}
