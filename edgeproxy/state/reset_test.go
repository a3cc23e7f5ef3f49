package state

import (
	"errors"
	"math"
	"os"
	"path/filepath"
	"testing"

	"github.com/ringcast/ringcast/edgeproxy"
	"github.com/ringcast/ringcast/internal/wire"
)

func TestSwitchReplacesEverything(t *testing.T) {
	t.Parallel()
	s, p, path := begin(t)
	must(t, s.Apply(t.Context(), []edgeproxy.Unit{unit(11, "b")}))
	must(t, s.BeginReset(t.Context()))
	must(t, s.Aside(t.Context(), []any{"c"}))
	wants(t, s, p, 11, "a", "b")
	must(t, s.Aside(t.Context(), []any{"d"}))
	must(t, s.Switch(t.Context(), "e1", 7))
	wants(t, s, p, 7, "c", "d")
	must(t, s.Close())

	p = &probe{}
	wants(t, open(t, path, p), p, 7, "c", "d")
}

func TestResetEndsOnce(t *testing.T) {
	t.Parallel()
	s, p, _ := begin(t)
	steps := func(state string) {
		t.Helper()
		if err := s.Aside(t.Context(), []any{"x"}); !errors.Is(err, ErrNoReset) {
			t.Errorf("aside %s: %v", state, err)
		}
		if err := s.Switch(t.Context(), "e1", 12); !errors.Is(err, ErrNoReset) {
			t.Errorf("switch %s: %v", state, err)
		}
		wants(t, s, p, 10, "a")
	}
	steps("after a switch")
	must(t, s.BeginReset(t.Context()))
	must(t, s.Aside(t.Context(), []any{"x"}))
	must(t, s.Abandon(t.Context()))
	steps("after it was abandoned")
	must(t, s.Abandon(t.Context()))

	broken := errors.New("broken")
	must(t, s.BeginReset(t.Context()))
	p.fail = broken
	if err := s.Aside(t.Context(), []any{"x"}); !errors.Is(err, broken) {
		t.Errorf("aside: %v", err)
	}
	steps("after a failed step")
	must(t, s.BeginReset(t.Context()))
	p.fail = broken
	if err := s.Switch(t.Context(), "e1", 12); !errors.Is(err, broken) {
		t.Errorf("switch: %v", err)
	}
	steps("after a failed switch")
}

func TestSecondResetBeginsAnew(t *testing.T) {
	t.Parallel()
	s, p, _ := begin(t)
	must(t, s.BeginReset(t.Context()))
	must(t, s.Aside(t.Context(), []any{"x"}))
	must(t, s.BeginReset(t.Context()))
	must(t, s.Aside(t.Context(), []any{"y"}))
	must(t, s.Switch(t.Context(), "e1", 12))
	wants(t, s, p, 12, "y")
}

func TestSwitchRefusesACursorThatCannotBePresented(t *testing.T) {
	t.Parallel()
	s, p, _ := begin(t)
	for _, epoch := range []string{"", "A", "e-1", "e\n"} {
		must(t, s.BeginReset(t.Context()))
		if err := s.Switch(t.Context(), epoch, 12); !errors.Is(err, wire.ErrCursor) {
			t.Errorf("switch to %q: %v", epoch, err)
		}
	}
	must(t, s.BeginReset(t.Context()))
	if err := s.Switch(t.Context(), "e1", math.MaxUint64); err == nil {
		t.Error("switched to a position that cannot be stored")
	}
	wants(t, s, p, 10, "a")
}

// TestKill takes the files as a kill would leave them, inside a transaction and
// between commit and publish, and opens what it took.
func TestKill(t *testing.T) {
	t.Parallel()
	s, p, path := begin(t)
	type moment struct {
		path     string
		position uint64
		names    []string
	}
	var moments []moment
	take := func() {
		cursor, _ := s.Cursor()
		names, err := selectors(t.Context(), p.db.Read)
		must(t, err)
		moments = append(moments, moment{copyFiles(t, path), cursor.Position, names})
	}
	p.during, p.published = take, take
	must(t, s.Apply(t.Context(), []edgeproxy.Unit{unit(11, "b", "c")}))
	must(t, s.BeginReset(t.Context()))
	must(t, s.Aside(t.Context(), []any{"d", "e"}))
	must(t, s.Switch(t.Context(), "e1", 12))
	must(t, s.Apply(t.Context(), []edgeproxy.Unit{unit(13, "f"), unit(14, "g")}))

	var positions []uint64
	for _, m := range moments {
		reopened := &probe{}
		wants(t, open(t, m.path, reopened), reopened, m.position, m.names...)
		positions = append(positions, m.position)
	}
	if first, last := positions[0], positions[len(positions)-1]; first != 10 || last != 14 {
		t.Errorf("moments at %v, want them from 10 to 14", positions)
	}
}

func copyFiles(t *testing.T, path string) string {
	t.Helper()
	copied := filepath.Join(t.TempDir(), "state.db")
	for _, suffix := range []string{"", "-wal"} {
		data, err := os.ReadFile(path + suffix)
		must(t, err)
		must(t, os.WriteFile(copied+suffix, data, 0o600))
	}
	return copied
}
