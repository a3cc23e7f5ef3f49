package state

import (
	"context"
	"database/sql"
	"errors"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/ringcast/ringcast/edgeproxy"
	"github.com/ringcast/ringcast/internal/sqlitedb"
	"github.com/ringcast/ringcast/internal/wire"
)

// counter is a part that counts the units with an invalidation, in memory alone.
type counter struct {
	count atomic.Uint64
	fail  error
}

func (*counter) Load(context.Context, *sqlitedb.DB) error { return nil }

func (c *counter) Apply(context.Context, *sql.Tx, []any) (func(), error) {
	return func() { c.count.Add(1) }, c.fail
}
func (*counter) Gap(context.Context, *sql.Tx) (func(), error)    { return nil, nil }
func (*counter) Aside(context.Context, *sql.Tx, []any) error     { return nil }
func (*counter) Switch(context.Context, *sql.Tx) (func(), error) { return nil, nil }
func (*counter) Abandon(context.Context, *sql.Tx) error          { return nil }

// mixed is a unit that one request could see in part.
func mixed(position uint64) edgeproxy.Unit {
	return unit(position, &wire.TokenRevoked{TokenRef: wire.TokenRef{JTI: "a"}}, &wire.CacheInvalidated{All: true})
}

func beginWith(t *testing.T, parts ...Part) *State {
	s := open(t, t.TempDir()+"/state.db", parts...)
	must(t, s.BeginReset(t.Context()))
	must(t, s.Switch(t.Context(), "e1", 10))
	return s
}

// Whoever looks at two parts while units come in force sees each unit in both or in
// neither.
func TestWholeUnderChange(t *testing.T) {
	t.Parallel()
	const units = 500
	first, second := new(counter), new(counter)
	s := beginWith(t, first, second)
	var looks sync.WaitGroup
	done := make(chan struct{})
	for reader := range 4 {
		looks.Go(func() {
			for {
				var a, b uint64
				s.Whole(func() {
					if reader%2 == 0 {
						a, b = first.count.Load(), second.count.Load()
					} else {
						b, a = second.count.Load(), first.count.Load()
					}
				})
				if a != b {
					t.Errorf("one part has %d units, the other %d", a, b)
				}
				select {
				case <-done:
					return
				default:
				}
			}
		})
	}
	for position := range uint64(units) {
		must(t, s.Apply(t.Context(), []edgeproxy.Unit{mixed(11 + position)}))
	}
	close(done)
	looks.Wait()
	if n := second.count.Load(); n != units {
		t.Errorf("%d units in force", n)
	}
}

// A look during which a unit came in force is repeated, once; the second holds the
// next unit up.
func TestWholeLooksAgain(t *testing.T) {
	t.Parallel()
	part := new(counter)
	s := beginWith(t, part)
	for name, row := range map[string]struct {
		units []edgeproxy.Unit
		looks int
	}{
		"mixed":     {[]edgeproxy.Unit{mixed(0)}, 2},
		"among two": {[]edgeproxy.Unit{unit(0, &wire.IPBanned{}), mixed(0)}, 2},
		"one event": {[]edgeproxy.Unit{unit(0, &wire.TokenRevoked{}), unit(0, &wire.CacheInvalidated{})}, 1},
		"addresses": {[]edgeproxy.Unit{unit(0, &wire.IPBanned{}, &wire.IPUnbanned{}, &wire.IPAllowed{}, &wire.IPAllowRemoved{})}, 1},
		"none":      {nil, 1},
	} {
		looks := 0
		s.Whole(func() {
			if looks++; looks > 1 {
				return
			}
			at, _ := s.Cursor()
			for i := range row.units {
				row.units[i].Position = at.Position + 1 + uint64(i)
			}
			must(t, s.Apply(t.Context(), row.units))
		})
		if looks != row.looks {
			t.Errorf("%s: looked %d times, want %d", name, looks, row.looks)
		}
	}
}

// A unit that fails leaves nobody waiting.
func TestWholeAfterAFailure(t *testing.T) {
	t.Parallel()
	part := &counter{}
	s := beginWith(t, part)
	part.fail = errors.New("no")
	if err := s.Apply(t.Context(), []edgeproxy.Unit{mixed(11)}); !errors.Is(err, part.fail) {
		t.Fatal(err)
	}
	looks := 0
	s.Whole(func() { looks++ })
	if looks != 1 {
		t.Errorf("looked %d times", looks)
	}
}

func BenchmarkWhole(b *testing.B) {
	s := new(State)
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			s.Whole(func() {})
		}
	})
}
