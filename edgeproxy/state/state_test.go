package state

import (
	"bytes"
	"context"
	"database/sql"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/ringcast/ringcast/edgeproxy"
	"github.com/ringcast/ringcast/internal/sqlitedb"
	"github.com/ringcast/ringcast/internal/wire"
)

// probe is a part whose table is that of the fences and whose memory is a list of
// names. An event is a string.
type probe struct {
	db    *sqlitedb.DB
	names []string
	aside []string
	gaps  int
	// fail makes the next call return it. during runs inside each transaction, and
	// published as its first publish.
	fail              error
	during, published func()
}

func (p *probe) Load(ctx context.Context, db *sqlitedb.DB) (err error) {
	p.db = db
	p.names, err = selectors(ctx, db.Read)
	return err
}

func selectors(ctx context.Context, db *sql.DB) (names []string, err error) {
	rows, err := db.QueryContext(ctx, `SELECT selector FROM fences ORDER BY generation`)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		var name string
		if err := rows.Scan(&name); err != nil {
			return nil, err
		}
		names = append(names, name)
	}
	return names, rows.Err()
}

func (p *probe) write(ctx context.Context, tx *sql.Tx, names []string) error {
	for _, name := range names {
		_, err := tx.ExecContext(ctx, `INSERT INTO fences
			SELECT 'tag', ?, coalesce(max(generation), 0) + 1, 0, 0, 0 FROM fences`, name)
		if err != nil {
			return err
		}
	}
	return p.end()
}

func (p *probe) end() error {
	if p.during != nil {
		p.during()
	}
	err := p.fail
	p.fail = nil
	return err
}

func (p *probe) publish(change func()) func() {
	return func() {
		if p.published != nil {
			p.published()
		}
		change()
	}
}

func (p *probe) Apply(ctx context.Context, tx *sql.Tx, events []any) (func(), error) {
	names := texts(events)
	if len(names) == 0 {
		return nil, p.end()
	}
	return p.publish(func() { p.names = append(p.names, names...) }), p.write(ctx, tx, names)
}

func (p *probe) Gap(context.Context, *sql.Tx) (func(), error) {
	return p.publish(func() { p.gaps++ }), p.end()
}

func (p *probe) Aside(_ context.Context, _ *sql.Tx, events []any) error {
	p.aside = append(p.aside, texts(events)...)
	return p.end()
}

func (p *probe) Switch(ctx context.Context, tx *sql.Tx) (func(), error) {
	if _, err := tx.ExecContext(ctx, `DELETE FROM fences`); err != nil {
		return nil, err
	}
	return p.publish(func() { p.names, p.aside = p.aside, nil }), p.write(ctx, tx, p.aside)
}

func (p *probe) Abandon(context.Context, *sql.Tx) error {
	p.aside = nil
	return p.end()
}

func texts(events []any) []string {
	var names []string
	for _, event := range events {
		names = append(names, event.(string))
	}
	return names
}

func open(t *testing.T, path string, parts ...Part) *State {
	t.Helper()
	s, err := Open(t.Context(), path, slog.New(slog.DiscardHandler), parts...)
	must(t, err)
	t.Cleanup(func() { s.Close() })
	return s
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// wants fails unless s and p hold names at the position, in memory and on disk.
func wants(t *testing.T, s *State, p *probe, position uint64, names ...string) {
	t.Helper()
	want := wire.Cursor{Epoch: "e1", Position: position}
	for what, get := range map[string]func() (wire.Cursor, bool){"committed": s.Cursor, "in force": s.InForce} {
		if got, ok := get(); !ok || got != want {
			t.Errorf("%s: %v, %v, want %v", what, got, ok, want)
		}
	}
	stored, err := selectors(t.Context(), p.db.Read)
	must(t, err)
	if diff := cmp.Diff(names, stored); diff != "" {
		t.Errorf("on disk: %s", diff)
	}
	if diff := cmp.Diff(names, p.names); diff != "" {
		t.Errorf("in memory: %s", diff)
	}
}

func unit(position uint64, events ...any) edgeproxy.Unit {
	return edgeproxy.Unit{Position: position, Events: events}
}

// begin gives a state that was synced at e1-10 with the name "a".
func begin(t *testing.T) (*State, *probe, string) {
	path := filepath.Join(t.TempDir(), "state.db")
	p := &probe{}
	s := open(t, path, p)
	must(t, s.BeginReset(t.Context()))
	must(t, s.Aside(t.Context(), []any{"a"}))
	must(t, s.Switch(t.Context(), "e1", 10))
	return s, p, path
}

func TestNewFile(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "state.db")
	s := open(t, path)
	if _, ok := s.Cursor(); ok {
		t.Error("a cursor before the first reset")
	}
	if _, ok := s.InForce(); ok {
		t.Error("in force before the first reset")
	}
	if err := s.Apply(t.Context(), []edgeproxy.Unit{unit(1)}); !errors.Is(err, ErrUnsynced) {
		t.Errorf("apply: %v", err)
	}
	instance := s.Instance()
	must(t, s.Close())
	must(t, s.Close())
	if again := open(t, path).Instance(); again != instance || instance == "" {
		t.Errorf("instance %q became %q", instance, again)
	}
	if other := open(t, filepath.Join(t.TempDir(), "state.db")).Instance(); other == instance {
		t.Error("two files have one instance")
	}
}

func TestApplyMovesThePosition(t *testing.T) {
	t.Parallel()
	s, p, path := begin(t)
	wants(t, s, p, 10, "a")
	must(t, s.Apply(t.Context(), []edgeproxy.Unit{unit(11, "b"), unit(12), unit(20, "c", "d")}))
	wants(t, s, p, 20, "a", "b", "c", "d")
	must(t, s.Apply(t.Context(), []edgeproxy.Unit{unit(21)}))
	must(t, s.Close())

	p = &probe{}
	wants(t, open(t, path, p), p, 21, "a", "b", "c", "d")
}

func TestApplyRefusesARepeat(t *testing.T) {
	t.Parallel()
	s, p, _ := begin(t)
	for _, units := range [][]edgeproxy.Unit{{unit(10, "x")}, {unit(9, "x")}, {unit(11, "x"), unit(11, "y")}} {
		if err := s.Apply(t.Context(), units); !errors.Is(err, ErrOrder) {
			t.Errorf("apply %v: %v", units, err)
		}
	}
	wants(t, s, p, 10, "a")
}

func TestFailureChangesNothing(t *testing.T) {
	t.Parallel()
	s, p, _ := begin(t)
	broken := errors.New("broken")
	for name, call := range map[string]func() error{
		"apply":      func() error { return s.Apply(t.Context(), []edgeproxy.Unit{unit(11, "x")}) },
		"one twice":  func() error { p.fail = nil; return s.Apply(t.Context(), []edgeproxy.Unit{unit(11, "x", "x")}) },
		"gap":        func() error { return s.Gap(t.Context()) },
		"first step": func() error { return s.BeginReset(t.Context()) },
		"update": func() error {
			return s.Update(t.Context(), func(tx *sql.Tx) (func(), error) {
				return func() { t.Error("published") }, p.write(t.Context(), tx, []string{"x"})
			})
		},
	} {
		p.fail = broken
		if err := call(); err == nil || name != "one twice" && !errors.Is(err, broken) {
			t.Errorf("%s: %v", name, err)
		}
		wants(t, s, p, 10, "a")
	}
	if p.gaps != 0 {
		t.Error("a gap was published")
	}
}

func TestCancelledContextChangesNothing(t *testing.T) {
	t.Parallel()
	s, p, _ := begin(t)
	ctx, cancel := context.WithCancel(t.Context())
	p.during = cancel
	if err := s.Apply(ctx, []edgeproxy.Unit{unit(11, "x")}); err == nil {
		t.Error("applied")
	}
	wants(t, s, p, 10, "a")
	p.during = nil
	must(t, s.Apply(t.Context(), []edgeproxy.Unit{unit(11, "x")}))
	wants(t, s, p, 11, "a", "x")
}

func TestInForceFollowsThePublish(t *testing.T) {
	t.Parallel()
	s, p, _ := begin(t)
	called := false
	p.published = func() {
		called = true
		committed, _ := s.Cursor()
		inForce, _ := s.InForce()
		if committed.Position != 11 || inForce.Position != 10 {
			t.Errorf("while publishing: committed %v, in force %v", committed, inForce)
		}
	}
	must(t, s.Apply(t.Context(), []edgeproxy.Unit{unit(11, "b")}))
	if !called {
		t.Error("nothing was published")
	}
}

func TestGapKeepsThePosition(t *testing.T) {
	t.Parallel()
	s, p, _ := begin(t)
	must(t, s.Gap(t.Context()))
	if p.gaps != 1 {
		t.Errorf("%d gaps", p.gaps)
	}
	wants(t, s, p, 10, "a")
}

func TestDamagedFileIsSetAside(t *testing.T) {
	t.Parallel()
	s, _, path := begin(t)
	old := s.Instance()
	must(t, s.Close())
	must(t, os.WriteFile(path, bytes.Repeat([]byte("not a database "), 1000), 0o600))

	var log bytes.Buffer
	fresh, err := Open(t.Context(), path, slog.New(slog.NewTextHandler(&log, nil)))
	must(t, err)
	defer fresh.Close()
	if _, ok := fresh.Cursor(); ok || fresh.Instance() == old {
		t.Error("the new file has something of the old one")
	}
	kept, err := filepath.Glob(path + ".damaged-*")
	must(t, err)
	if len(kept) == 0 || !strings.Contains(log.String(), kept[0]) {
		t.Errorf("set aside %q, logged %s", kept, log.String())
	}
}

func TestNewerFileIsRefused(t *testing.T) {
	t.Parallel()
	s, p, path := begin(t)
	_, err := p.db.Write.Exec(`PRAGMA user_version = 99`)
	must(t, err)
	must(t, s.Close())
	if _, err := Open(t.Context(), path, slog.New(slog.DiscardHandler)); !errors.Is(err, sqlitedb.ErrNewerSchema) {
		t.Errorf("open: %v", err)
	}
}
