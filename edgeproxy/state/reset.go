package state

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"github.com/ringcast/ringcast/internal/wire"
)

// ErrNoReset tells that no reset is under way, or that it failed on the way and
// has to begin anew.
var ErrNoReset = errors.New("no reset is under way")

// BeginReset begins a state beside the one in force, and drops what an earlier
// reset built.
func (s *State) BeginReset(ctx context.Context) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.abandon(ctx); err != nil {
		return fmt.Errorf("begin reset: %w", err)
	}
	s.resetting = true
	return nil
}

// Aside adds events to the state built beside, in a transaction of its own. An
// error ends the reset; the state in force is as it was. It wraps
// wire.ErrUndecodable for an event that makes no sense and ErrNoReset where
// BeginReset has to come first.
func (s *State) Aside(ctx context.Context, events []any) error {
	return s.during("add to reset", func() error {
		return s.commit(ctx, plainly, func(tx *sql.Tx) (func(), error) {
			return s.each(func(part Part) (func(), error) { return nil, part.Aside(ctx, tx, events) })
		})
	})
}

// Switch ends a reset: state, epoch and position change in one transaction. A
// cursor that could not be presented again wraps wire.ErrCursor. An error ends
// the reset; the state in force is as it was.
func (s *State) Switch(ctx context.Context, epoch string, position uint64) error {
	return s.during("switch state", func() error {
		to := wire.Cursor{Epoch: epoch, Position: position}
		if _, err := wire.ParseCursor(to.String()); err != nil || epoch == "" {
			return fmt.Errorf("%w: %q", wire.ErrCursor, to)
		}
		err := s.move(ctx, to, plainly, func(tx *sql.Tx, part Part) (func(), error) { return part.Switch(ctx, tx) })
		if err == nil {
			s.resetting = false
		}
		return err
	})
}

// Abandon ends a reset without a switch, if one is under way.
func (s *State) Abandon(ctx context.Context) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.abandon(ctx); err != nil {
		return fmt.Errorf("abandon reset: %w", err)
	}
	return nil
}

// abandon is Abandon for a caller that holds s.mu.
func (s *State) abandon(ctx context.Context) error {
	s.resetting = false
	return s.commit(ctx, plainly, func(tx *sql.Tx) (func(), error) {
		return s.each(func(part Part) (func(), error) { return nil, part.Abandon(ctx, tx) })
	})
}

// during runs a step of the reset that is under way. A step that fails ends it:
// the parts may have kept more in memory than was committed.
func (s *State) during(verb string, step func() error) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.resetting {
		return fmt.Errorf("%s: %w", verb, ErrNoReset)
	}
	if err := step(); err != nil {
		s.resetting = false
		return fmt.Errorf("%s: %w", verb, err)
	}
	return nil
}
