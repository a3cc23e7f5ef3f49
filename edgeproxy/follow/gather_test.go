package follow

import (
	"log/slog"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/ringcast/ringcast/edgeproxy"
	"github.com/ringcast/ringcast/internal/wire"
)

// transaction is one that a state was asked for.
type transaction struct {
	At     time.Duration // since the stream began
	Events int
}

// timed is a state that notes its transactions.
type timed struct {
	fakeState
	start        time.Time
	transactions []transaction
}

func (s *timed) apply(units []edgeproxy.Unit) {
	n := 0
	for _, u := range units {
		n += len(u.Events)
	}
	s.transactions = append(s.transactions, transaction{time.Since(s.start), n})
}

// play gives the transactions of a stream whose units send sends.
func play(t *testing.T, send func(unit func(events int))) (transactions []transaction) {
	synctest.Test(t, func(t *testing.T) {
		state := &timed{fakeState: fakeState{cursor: &wire.Cursor{Epoch: "e1"}}, start: time.Now()}
		state.applied = state.apply
		a := &applier{follower: New(Config{Logger: slog.New(slog.DiscardHandler)}, state), ctx: t.Context()}
		items, done := make(chan item, queued), make(chan error)
		go func() { done <- a.run(items) }()
		position := uint64(0)
		send(func(events int) {
			position += uint64(max(events, 1))
			items <- item{kind: itemUnit, unit: edgeproxy.Unit{Position: position, Events: make([]any, events)}}
		})
		close(items)
		if err := <-done; err != nil {
			t.Error(err)
		}
		if got, _ := state.Cursor(); got.Position != position {
			t.Errorf("at %d of %d", got.Position, position)
		}
		transactions = state.transactions
	})
	return transactions
}

// What comes one by one, or not in a flood, is put in force as it comes.
func TestNoFloodIsNotHeldBack(t *testing.T) {
	t.Parallel()
	got := play(t, func(unit func(int)) {
		for _, events := range []int{1, 100, 999, 100, 0} {
			unit(events)
			time.Sleep(10 * time.Millisecond)
		}
	})
	want := []transaction{{0, 1}, {10 * time.Millisecond, 100}, {20 * time.Millisecond, 999}, {30 * time.Millisecond, 100}, {40 * time.Millisecond, 0}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

// A flood is put in force a second's worth at a time, what is left at its end no later,
// and what one caller asked for meanwhile at once, with all before it.
func TestFloodIsGathered(t *testing.T) {
	t.Parallel()
	got := play(t, func(unit func(int)) {
		unit(floodEvents)
		time.Sleep(50 * time.Millisecond)
		for range 25 { // until 2.55 s
			unit(200)
			time.Sleep(100 * time.Millisecond)
		}
		unit(1)
		time.Sleep(50 * time.Millisecond)
		unit(2) // 1,001 before are a flood still
		time.Sleep(10 * time.Second)
		unit(2)
		time.Sleep(time.Second)
	})
	want := []transaction{
		{0, 1000}, {time.Second, 2000}, {2 * time.Second, 2000}, {2550 * time.Millisecond, 1001},
		{3550 * time.Millisecond, 2}, {12600 * time.Millisecond, 2},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

// However much comes, a transaction has its bound, and the end of the stream is not
// waited for.
func TestFloodIsBounded(t *testing.T) {
	t.Parallel()
	total := 0
	for _, got := range play(t, func(unit func(int)) {
		for range 3 * batchEvents / 500 {
			unit(500)
		}
	}) {
		total += got.Events
		if got.Events > batchEvents || got.At > floodPause {
			t.Errorf("%+v", got)
		}
	}
	if total != 3*batchEvents {
		t.Errorf("%d events", total)
	}
}
