package cache

import (
	"context"
	"database/sql"
	"errors"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/ringcast/ringcast/internal/sqlitedb"
)

// schema is that of package state, which owns the file.
const schema = `
CREATE TABLE generation (id INTEGER PRIMARY KEY CHECK (id = 1), value INTEGER NOT NULL) STRICT;
CREATE TABLE fences (kind TEXT NOT NULL, selector TEXT NOT NULL, generation INTEGER NOT NULL,
	soft_generation INTEGER NOT NULL, soft_at INTEGER NOT NULL, settle_until INTEGER NOT NULL,
	PRIMARY KEY (kind, selector)) STRICT, WITHOUT ROWID;`

// stateFile is an Updater over a file of its own.
type stateFile struct {
	path string
	mu   sync.Mutex
	db   *sqlitedb.DB
	fail error
}

func newStateFile(t testing.TB) *stateFile {
	t.Helper()
	s := &stateFile{path: filepath.Join(t.TempDir(), "state.db")}
	s.open(t)
	t.Cleanup(func() { _ = s.db.Close() })
	return s
}

func (s *stateFile) open(t testing.TB) {
	t.Helper()
	db, err := sqlitedb.Open(t.Context(), s.path, sqlitedb.Options{
		Migrations: []string{schema}, Synchronous: sqlitedb.Normal,
	})
	if err != nil {
		t.Fatal(err)
	}
	s.db = db
}

// reopen is a restart: fences that know what the file knows.
func (s *stateFile) reopen(t testing.TB, now func() time.Time) *Fences {
	t.Helper()
	if err := s.db.Close(); err != nil {
		t.Fatal(err)
	}
	s.open(t)
	f := NewFences(now)
	if err := f.Load(t.Context(), s.db); err != nil {
		t.Fatal(err)
	}
	return f
}

func (s *stateFile) Update(ctx context.Context, fn func(*sql.Tx) (func(), error)) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	tx, err := s.db.Write.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	publish, err := fn(tx)
	if err = errors.Join(err, s.fail); err != nil {
		return errors.Join(err, tx.Rollback())
	}
	if err := tx.Commit(); err != nil {
		return err
	}
	publish()
	return nil
}

func apply(t interface {
	Helper()
	Fatal(...any)
}, s *stateFile, f *Fences, events ...any) {
	t.Helper()
	err := s.Update(context.Background(), func(tx *sql.Tx) (func(), error) {
		return f.Apply(context.Background(), tx, events)
	})
	if err != nil {
		t.Fatal(err)
	}
}

// clock is set by hand.
type clock struct {
	mu  sync.Mutex
	now time.Time
}

func newClock() *clock { return &clock{now: time.Unix(1_800_000_000, 0)} }

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *clock) advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}
