package main

import (
	"context"
	"sync"
	"time"

	"github.com/ringcast/ringcast/edgeproxy"
	"github.com/ringcast/ringcast/edgeproxy/report"
	"github.com/ringcast/ringcast/internal/wire"
)

// edgeState is what a simulated edge has in force: a position, and nothing else. It
// implements follow.State and report.Edge.
type edgeState struct {
	edges        *edges
	name, server string

	mu     sync.Mutex // guards what follows
	cursor wire.Cursor
	since  time.Time
}

// Cursor implements follow.State.
func (s *edgeState) Cursor() (wire.Cursor, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.cursor, s.cursor.Epoch != ""
}

// Instance implements follow.State.
func (s *edgeState) Instance() string { return s.name + "-instance" }

// move puts a position in force, and gives the one before.
func (s *edgeState) move(to wire.Cursor) (before wire.Cursor) {
	s.mu.Lock()
	defer s.mu.Unlock()
	before, s.since = s.cursor, time.Now()
	if to.Epoch == "" {
		to.Epoch = before.Epoch
	}
	s.cursor = to
	return before
}

// Apply implements follow.State.
func (s *edgeState) Apply(_ context.Context, units []edgeproxy.Unit) error {
	last := units[len(units)-1].Position
	return s.edges.read(s.move(wire.Cursor{Position: last}).Position, last)
}

// Switch implements follow.State.
func (s *edgeState) Switch(_ context.Context, epoch string, position uint64) error {
	if before := s.move(wire.Cursor{Epoch: epoch, Position: position}); before.Epoch != "" {
		return nil
	}
	return s.edges.levelled()
}

// Gap implements follow.State.
func (s *edgeState) Gap(context.Context) error { return nil }

// BeginReset implements follow.State.
func (s *edgeState) BeginReset(context.Context) error { return nil }

// Aside implements follow.State.
func (s *edgeState) Aside(context.Context, []any) error { return nil }

// Abandon implements follow.State.
func (s *edgeState) Abandon(context.Context) error { return nil }

// Vouched implements follow.State.
func (s *edgeState) Vouched() time.Time { return time.Time{} }

// SetVouched implements follow.State.
func (s *edgeState) SetVouched(context.Context, time.Time) error { return nil }

// Standing implements report.Edge.
func (s *edgeState) Standing() report.Standing {
	s.mu.Lock()
	defer s.mu.Unlock()
	return report.Standing{
		Server: s.server, InForce: s.cursor, Since: s.since, Staleness: 0, Counts: &report.Counts{},
	}
}
