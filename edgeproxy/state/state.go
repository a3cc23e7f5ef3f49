// Package state keeps an edge's state file: what the stream told it, and how far
// in the log that is, in one SQLite database. The parts of the edge own the
// tables; this package owns the file, its schema, the position and the order of
// things: what a unit changes commits together with the new position, then takes
// effect in memory, and only then counts as in force.
//
// A process killed at any moment comes back with the last committed position and
// exactly the state of that position.
package state

import (
	"context"
	"crypto/rand"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/ringcast/ringcast/internal/sqlitedb"
	"github.com/ringcast/ringcast/internal/wire"
)

// Part is what events change: tables in the state file, and memory that answers
// from them. Events are pointers to event types of package wire; a part passes
// over those that are not its own.
//
// State never calls two methods of a part at once. A publish puts in force in
// memory what was written to the transaction; it is called once, after the
// commit, never where the transaction was rolled back, and must not call State.
// It is nil where there is nothing to do.
type Part interface {
	// Load reads the part's tables. It is called once, before anything else.
	Load(ctx context.Context, db *sqlitedb.DB) error
	// Apply writes the events of one or more units. Errors wrap
	// wire.ErrUndecodable where an event makes no sense.
	Apply(ctx context.Context, tx *sql.Tx, events []any) (publish func(), err error)
	// Gap is told that moment events were lost.
	Gap(ctx context.Context, tx *sql.Tx) (publish func(), err error)
	// Aside adds events to the state that a reset builds beside the one in force.
	// After an error, or a rollback, Abandon follows before anything else is added.
	Aside(ctx context.Context, tx *sql.Tx, events []any) error
	// Switch replaces the state in force by the one built aside, an empty one if
	// Aside was not called.
	Switch(ctx context.Context, tx *sql.Tx) (publish func(), err error)
	// Abandon drops what was built aside, if anything.
	Abandon(ctx context.Context, tx *sql.Tx) error
}

// State is an open state file. Its methods may be called by many goroutines.
type State struct {
	db       *sqlitedb.DB
	parts    []Part
	instance string
	vouched  time.Time

	// committed and inForce are nil until the first reset was completed.
	committed atomic.Pointer[wire.Cursor]
	inForce   atomic.Pointer[standing]

	view view

	// mu serialises write transactions together with the publishing after them,
	// so that memory changes in the order of the commits.
	mu sync.Mutex
	// resetting is set from BeginReset on, until the reset ends or fails.
	resetting bool
}

// standing is a cursor and when it came in force, by the monotonic clock; zero where
// that was in an earlier run.
type standing struct {
	cursor wire.Cursor
	since  time.Time
}

// Open opens the state file at path, making it where it is absent, and loads the
// parts. A damaged file is set aside, with a line in the log, and a new one is
// begun: the stream brings everything back. What an interrupted reset left is
// dropped. Errors wrap sqlitedb.ErrNewerSchema for a file of a later version.
func Open(ctx context.Context, path string, log *slog.Logger, parts ...Part) (*State, error) {
	s, err := openFile(ctx, path, parts)
	if !sqlitedb.IsDamaged(err) {
		return s, err
	}
	aside, moveErr := sqlitedb.SetAside(path, time.Now())
	if moveErr != nil {
		return nil, errors.Join(err, moveErr)
	}
	log.Error("state file is damaged; it was set aside and a new one is begun", "path", path, "aside", aside, "error", err)
	return openFile(ctx, path, parts)
}

// openFile leaves syncing to the checkpoints: a loss of power may undo the last
// commits, but state and position go back together, and the stream is resumed
// from there.
func openFile(ctx context.Context, path string, parts []Part) (*State, error) {
	db, err := sqlitedb.Open(ctx, path, sqlitedb.Options{Migrations: migrations(), Synchronous: sqlitedb.Normal, Check: true})
	if err != nil {
		return nil, fmt.Errorf("open state: %w", err)
	}
	s := &State{db: db, parts: parts}
	if err := s.load(ctx); err != nil {
		return nil, errors.Join(fmt.Errorf("load state: %w", err), db.Close())
	}
	return s, nil
}

// Close closes the file. It can be called again.
func (s *State) Close() error { return s.db.Close() }

// Cursor gives the committed cursor: what the edge resumes from. There is none
// until the first reset was completed.
func (s *State) Cursor() (wire.Cursor, bool) {
	if c := s.committed.Load(); c != nil {
		return *c, true
	}
	return wire.Cursor{}, false
}

// InForce gives the cursor up to which everything is committed and in force in
// memory: what the edge may report.
func (s *State) InForce() (wire.Cursor, bool) {
	cursor, _, ok := s.InForceSince()
	return cursor, ok
}

// InForceSince is InForce with the moment at which the cursor came in force, zero where
// that was in an earlier run.
func (s *State) InForceSince() (c wire.Cursor, since time.Time, ok bool) {
	if now := s.inForce.Load(); now != nil {
		return now.cursor, now.since, true
	}
	return wire.Cursor{}, time.Time{}, false
}

// Instance is a random name that the file got when it was made. Another one
// means another file, which knows nothing of the fences of this one.
func (s *State) Instance() string { return s.instance }

// Vouched is what the run before this one left with SetVouched; zero: nothing.
func (s *State) Vouched() time.Time { return s.vouched }

// SetVouched keeps, for the next run, when the log was last known to have had
// nothing that is not in force here, to the second.
func (s *State) SetVouched(ctx context.Context, at time.Time) error {
	err := s.Update(ctx, func(tx *sql.Tx) (func(), error) {
		_, err := tx.ExecContext(ctx, `UPDATE meta SET vouched = ?`, at.Unix())
		return nil, err
	})
	if err != nil {
		return fmt.Errorf("store staleness: %w", err)
	}
	return nil
}

// enter notes that everything up to a cursor is in force. What a cursor that is told
// again says was in force before.
func (s *State) enter(to wire.Cursor) {
	if now := s.inForce.Load(); now == nil || now.cursor != to {
		s.inForce.Store(&standing{cursor: to, since: time.Now()})
	}
}

func (s *State) load(ctx context.Context) error {
	if err := s.loadMeta(ctx); err != nil {
		return err
	}
	for _, part := range s.parts {
		if err := part.Load(ctx, s.db); err != nil {
			return err
		}
	}
	return s.Abandon(ctx)
}

func (s *State) loadMeta(ctx context.Context) error {
	const insert = `INSERT INTO meta (id, instance, epoch, position, vouched) VALUES (1, ?, '', 0, 0) ON CONFLICT DO NOTHING`
	if _, err := s.db.Write.ExecContext(ctx, insert, rand.Text()); err != nil {
		return fmt.Errorf("name instance: %w", err)
	}
	var cursor wire.Cursor
	var vouched int64
	row := s.db.Write.QueryRowContext(ctx, `SELECT instance, epoch, position, vouched FROM meta`)
	if err := row.Scan(&s.instance, &cursor.Epoch, &cursor.Position, &vouched); err != nil {
		return fmt.Errorf("read position: %w", err)
	}
	if vouched != 0 {
		s.vouched = time.Unix(vouched, 0)
	}
	if cursor.Epoch != "" {
		s.committed.Store(&cursor)
		s.inForce.Store(&standing{cursor: cursor})
	}
	return nil
}
