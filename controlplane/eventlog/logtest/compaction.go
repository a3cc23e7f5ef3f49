package logtest

import (
	"fmt"
	"slices"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/ringcast/ringcast/controlplane"
	"github.com/ringcast/ringcast/controlplane/eventlog"
)

// holds checks which events are left.
func (s *subject) holds(what string, want ...uint64) {
	s.t.Helper()
	s.equal(what, want, positions(s.read(0, 10)))
}

func superseded(t tb, open Opener) {
	s := start(t, open, eventlog.Retention{})
	s.append(unit(present("a"), present("b"), present("c")))
	s.append(unit(moment("m"), present("c")))
	s.append(unit(absent("b")))
	s.append(unit(until(s.clock.Now().Add(time.Minute), "b")))
	for range 2 {
		s.holds("events not superseded", 1, 4, 5, 7)
		s.compact()
		s.expect(7, 0, 0)
		s.reopen()
	}
}

func severalEntities(t tb, open Opener) {
	s := start(t, open, eventlog.Retention{})
	s.append(unit(present("ban/x"), present("ban/x#auto")))
	s.append(unit(absent("ban/x", "ban/x#auto")))
	s.holds("an event succeeds both", 3)
	s.append(unit(present("ban/x")))
	s.holds("one of both is succeeded", 3, 4)
	s.append(unit(present("ban/x#auto")))
	s.holds("both are succeeded", 4, 5)
	s.append(unit(absent("ban/x", "ban/x#auto")))
	s.append(unit(present("ban/x")))
	s.clock.advance(eventlog.TombstoneRetention + time.Second)
	s.compact()
	s.holds("the tombstone was still of use", 7)
	s.expect(7, 6, 0)
}

func absences(t tb, open Opener) {
	s := start(t, open, eventlog.Retention{})
	s.append(unit(until(s.clock.Now().Add(time.Hour), "ends"), present("stays")))
	s.append(unit(absent("gone")))
	s.append(unit(absent("back")))
	s.append(unit(present("back")))
	// settled compacts and checks what is left, and the horizon.
	settled := func(what string, horizon uint64, left ...uint64) {
		t.Helper()
		s.compact()
		s.holds(what, left...)
		s.expect(5, horizon, 0)
	}
	settled("nothing is due", 0, 1, 2, 3, 5)
	s.clock.advance(2 * time.Hour)
	settled("one has ended", 0, 1, 2, 3, 5)
	s.clock.advance(eventlog.TombstoneRetention - 2*time.Hour - time.Second)
	settled("a tombstone is about to be due", 0, 1, 2, 3, 5)
	s.clock.advance(2 * time.Second)
	s.expect(5, 0, 0)
	settled("a tombstone is due", 3, 1, 2, 5)
	s.clock.advance(time.Hour - 2*time.Second)
	settled("what ended before it is about to be due", 3, 1, 2, 5)
	s.clock.advance(2 * time.Second)
	settled("what ended before it is due", 3, 2, 5)
	s.reopen()
	settled("after a reopen", 3, 2, 5)
	s.append(unit(until(s.clock.Now().Add(time.Second), "stays")))
	s.clock.advance(eventlog.TombstoneRetention + 2*time.Second)
	s.compact()
	s.holds("what ended last is due", 5)
	s.expect(6, 6, 0)
}

func oldMoments(t tb, open Opener) {
	s := start(t, open, eventlog.Retention{})
	s.append(unit(moment("m"), present("a"), moment("m")))
	s.clock.advance(time.Hour)
	s.append(unit(present("b"), moment("m")))
	s.clock.advance(eventlog.MomentRetention - time.Hour - time.Second)
	s.compact()
	s.holds("none is due", 1, 2, 3, 4, 5)
	s.expect(5, 0, 0)
	s.clock.advance(2 * time.Second)
	s.compact()
	s.holds("the first are due", 2, 4, 5)
	s.expect(5, 0, 3)
	s.reopen()
	s.clock.advance(time.Hour)
	s.compact()
	s.holds("all are due", 2, 4)
	s.expect(5, 0, 5)
}

func excessMoments(t tb, open Opener) {
	s := start(t, open, eventlog.Retention{MomentMax: 3})
	s.append(unit(moments(3)...))
	s.compact()
	s.holds("as many as allowed", 1, 2, 3)
	s.append(unit(moment("m"), present("a"), absent("b")))
	s.append(unit(moment("m")))
	s.compact()
	s.holds("two more than allowed", 3, 4, 5, 6, 7)
	s.expect(7, 0, 2)
	s.equal("outline", [][]uint64{{3, 3}, {4, 5, 6, 6}, {7, 7}}, outline(s.read(0, 10)))
	s.clock.advance(eventlog.MomentRetention + time.Second)
	s.append(unit(moment("m")))
	s.compact()
	s.holds("the old go however few", 5, 6, 8)
	s.expect(8, 0, 7)
}

// emptiedLog drops everything: the position must not depend on what is left.
func emptiedLog(t tb, open Opener) {
	s := start(t, open, eventlog.Retention{})
	s.append(unit(absent("a"), moment("m")))
	s.append(unit(until(s.clock.Now().Add(time.Minute), "b"), moment("m"), absent("c")))
	s.clock.advance(eventlog.TombstoneRetention + time.Hour)
	s.compact()
	for range 2 {
		s.holds("an emptied log")
		s.expect(5, 5, 4)
		s.reopen()
	}
	s.equal("receipt in an emptied log", s.first(6), s.append(unit(present("a"))))
	s.holds("an emptied log that goes on", 6)
}

// readsDuringCompaction reads pages while much is dropped: a page that misses an
// event comes with the horizon that says so.
func readsDuringCompaction(t tb, open Opener) {
	const count = 20
	s := start(t, open, eventlog.Retention{})
	for i := range count {
		s.append(unit(slices.Concat(moments(40), tombstones(i, 60))...))
	}
	s.clock.advance(eventlog.TombstoneRetention + time.Second)
	var group errgroup.Group
	t.Cleanup(func() { _ = group.Wait() })
	var compacted atomic.Bool
	group.Go(func() error {
		defer compacted.Store(true)
		return s.log.Compact(t.Context())
	})
	for last := false; !last; {
		last = compacted.Load()
		for _, limit := range []int{1, count * eventlog.MaxUnit} {
			s.checkMissing(s.page(0, limit))
		}
	}
	if err := group.Wait(); err != nil {
		t.Fatalf("Compact: %v", err)
	}
	s.holds("all was dropped")
	s.expect(count*100, count*100, count*100-60)
}

func tombstones(group, n int) []controlplane.Event {
	events := make([]controlplane.Event, n)
	for i := range events {
		events[i] = absent(fmt.Sprint(group, "/", i))
	}
	return events
}

// checkMissing expects each unit to begin with 40 moment events, and 60
// tombstones to follow.
func (s *subject) checkMissing(page eventlog.Page) {
	s.t.Helper()
	there := make(map[uint64]bool)
	for _, position := range positions(page.Units) {
		there[position] = true
	}
	for position := uint64(1); position <= page.Next; position++ {
		horizon := page.Head.Horizon
		if (position-1)%100 < 40 {
			horizon = page.Head.MomentHorizon
		}
		if !there[position] && position > horizon {
			s.t.Fatalf("a page misses %d, but its horizon is %d", position, horizon)
		}
	}
}
