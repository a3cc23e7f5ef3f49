package report

import (
	"context"
	"database/sql"
	"log/slog"
	"net/url"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/ringcast/ringcast/edgeproxy"
	"github.com/ringcast/ringcast/edgeproxy/state"
	"github.com/ringcast/ringcast/internal/sqlitedb"
)

// enforcer is a part of a state that calls during while it writes and while it publishes.
type enforcer struct{ during func() }

func (e *enforcer) step(context.Context, *sql.Tx) (func(), error) {
	e.during()
	return e.during, nil
}

func (e *enforcer) Load(context.Context, *sqlitedb.DB) error { return nil }
func (e *enforcer) Apply(ctx context.Context, tx *sql.Tx, _ []any) (func(), error) {
	return e.step(ctx, tx)
}
func (e *enforcer) Gap(context.Context, *sql.Tx) (func(), error)           { return nil, nil }
func (e *enforcer) Aside(context.Context, *sql.Tx, []any) error            { return nil }
func (e *enforcer) Switch(ctx context.Context, tx *sql.Tx) (func(), error) { return e.step(ctx, tx) }
func (e *enforcer) Abandon(context.Context, *sql.Tx) error                 { return nil }

// stateEdge is an edge with a real state.
type stateEdge struct{ *state.State }

func (e stateEdge) Standing() Standing {
	cursor, since, _ := e.InForceSince()
	return Standing{InForce: cursor, Since: since}
}

// What is written, committed or half published is not reported, whoever asks meanwhile.
func TestNothingBeforeItIsInForce(t *testing.T) {
	t.Parallel()
	part := &enforcer{during: func() {}}
	s, err := state.Open(t.Context(), filepath.Join(t.TempDir(), "state.db"), slog.New(slog.DiscardHandler), part)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	reports := make(chan message)
	r := New(Config{Servers: []*url.URL{parse(t, "http://a")}, Logger: slog.New(slog.DiscardHandler)}, stateEdge{s})
	r.post = func(ctx context.Context, _ *url.URL, m message) (time.Duration, error) {
		select {
		case reports <- m:
		case <-ctx.Done():
		}
		return maxPace, ctx.Err()
	}
	ctx, cancel := context.WithCancel(t.Context())
	var run sync.WaitGroup
	run.Go(func() { _ = r.Run(ctx) })
	defer run.Wait()
	defer cancel()

	before, asked := uint64(0), 0
	expect := func(position uint64) {
		t.Helper()
		if m := <-reports; m.Position != position {
			t.Errorf("reported %d, want %d", m.Position, position)
		}
	}
	part.during = func() {
		asked++
		r.Asked(at(before + 10))
		r.Levelled(at(before)) // a report at once, of whatever is in force
		expect(before)
	}
	if err := s.BeginReset(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := s.Switch(t.Context(), "e1", 10); err != nil {
		t.Fatal(err)
	}
	r.Moved()
	expect(10)
	before = 10
	if err := s.Apply(t.Context(), []edgeproxy.Unit{{Position: 15}, {Position: 20}}); err != nil {
		t.Fatal(err)
	}
	r.Moved()
	expect(20)
	if asked != 4 {
		t.Errorf("asked %d times", asked)
	}
}
