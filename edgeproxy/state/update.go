package state

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"github.com/ringcast/ringcast/edgeproxy"
	"github.com/ringcast/ringcast/internal/wire"
)

var (
	// ErrUnsynced tells that units came before a first reset was completed.
	ErrUnsynced = errors.New("no state to apply units to")
	// ErrOrder tells that a unit does not come after what is already in force.
	ErrOrder = errors.New("unit out of order")
)

// Update changes tables of a part for a reason of the edge's own, in a
// transaction that does not move the position. change may be rolled back after
// it returned; publish, where not nil, is called after the commit.
func (s *State) Update(ctx context.Context, change func(tx *sql.Tx) (publish func(), err error)) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.commit(ctx, plainly, change)
}

// Apply puts units in force, all in one transaction: whoever looks through Whole sees
// none in part. Positions must rise from that of Cursor on, which an empty unit may
// repeat; otherwise the error wraps
// ErrOrder, or ErrUnsynced where there is none yet. An event that makes no sense
// is an error that wraps wire.ErrUndecodable. After an error nothing has changed.
func (s *State) Apply(ctx context.Context, units []edgeproxy.Unit) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	cursor, events, err := s.following(units)
	if err != nil {
		return fmt.Errorf("apply units: %w", err)
	}
	err = s.move(ctx, cursor, s.showing(units), func(tx *sql.Tx, part Part) (func(), error) {
		return part.Apply(ctx, tx, events)
	})
	if err != nil {
		return fmt.Errorf("apply units up to %s: %w", cursor, err)
	}
	return nil
}

// Gap tells the parts that moment events were lost. It does not move the
// position: units do.
func (s *State) Gap(ctx context.Context) error {
	err := s.Update(ctx, func(tx *sql.Tx) (func(), error) {
		return s.each(func(part Part) (func(), error) { return part.Gap(ctx, tx) })
	})
	if err != nil {
		return fmt.Errorf("apply gap: %w", err)
	}
	return nil
}

// following gives the cursor after units, and their events in order.
func (s *State) following(units []edgeproxy.Unit) (wire.Cursor, []any, error) {
	cursor, synced := s.Cursor()
	if !synced {
		return cursor, nil, ErrUnsynced
	}
	var events []any
	for _, unit := range units {
		if unit.Position == cursor.Position && len(unit.Events) == 0 {
			continue // a stream tells a reader that is level where it is
		}
		if unit.Position <= cursor.Position {
			return cursor, nil, fmt.Errorf("%w: %d after %d", ErrOrder, unit.Position, cursor.Position)
		}
		cursor.Position = unit.Position
		events = append(events, unit.Events...)
	}
	return cursor, events, nil
}

// move changes every part and sets the cursor in one transaction. The caller
// holds s.mu.
func (s *State) move(ctx context.Context, to wire.Cursor, show func(step func() error) error, change func(*sql.Tx, Part) (func(), error)) error {
	return s.commit(ctx, show, func(tx *sql.Tx) (func(), error) {
		publish, err := s.each(func(part Part) (func(), error) { return change(tx, part) })
		if err != nil {
			return nil, err
		}
		_, err = tx.ExecContext(ctx, `UPDATE meta SET epoch = ?, position = ?`, to.Epoch, to.Position)
		if err != nil {
			return nil, fmt.Errorf("store position: %w", err)
		}
		return func() {
			s.committed.Store(&to)
			publish()
			s.enter(to)
		}, nil
	})
}

// each calls change for every part and gives all that they publish as one.
func (s *State) each(change func(Part) (func(), error)) (func(), error) {
	var all []func()
	for _, part := range s.parts {
		publish, err := change(part)
		if err != nil {
			return nil, err
		}
		if publish != nil {
			all = append(all, publish)
		}
	}
	return func() {
		for _, publish := range all {
			publish()
		}
	}, nil
}

// commit runs change in a transaction and publishes; show runs these two steps. The
// caller holds s.mu.
func (s *State) commit(ctx context.Context, show func(step func() error) error, change func(*sql.Tx) (func(), error)) error {
	tx, err := s.db.Write.BeginTx(ctx, nil)
	if err != nil {
		return fmt.Errorf("begin: %w", err)
	}
	publish, err := change(tx)
	if err != nil {
		return errors.Join(err, rollback(tx))
	}
	return show(func() error {
		if err := tx.Commit(); err != nil {
			return fmt.Errorf("commit: %w", err)
		}
		if publish != nil {
			publish()
		}
		return nil
	})
}

// rollback passes over a transaction that a cancelled context already ended.
func rollback(tx *sql.Tx) error {
	if err := tx.Rollback(); !errors.Is(err, sql.ErrTxDone) {
		return err
	}
	return nil
}
