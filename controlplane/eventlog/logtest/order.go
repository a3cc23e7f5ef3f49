package logtest

import (
	"context"
	"errors"
	"fmt"
	"math"
	"strings"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/ringcast/ringcast/controlplane"
	"github.com/ringcast/ringcast/controlplane/eventlog"
)

func newLog(t tb, open Opener) {
	s := start(t, open, eventlog.Retention{})
	s.expect(0, 0, 0)
	s.equal("units of a new log", []controlplane.Unit(nil), s.read(0, 10))
	epoch := s.head().Epoch
	if other := start(t, open, eventlog.Retention{}).head().Epoch; epoch == "" || other == epoch {
		t.Fatalf("two logs have the epochs %q and %q", epoch, other)
	}
	s.append(unit(present("a")))
	s.reopen()
	s.expect(1, 0, 0)
	if again := s.head().Epoch; again != epoch {
		t.Fatalf("epoch was %q before and %q after a reopen", epoch, again)
	}
}

func closedLog(t tb, open Opener) {
	s := start(t, open, eventlog.Retention{})
	s.append(unit(present("a")))
	for range 2 {
		if err := s.log.Close(); err != nil {
			t.Fatalf("Close: %v", err)
		}
	}
	if _, err := s.try(unit(present("a"))); !errors.Is(err, eventlog.ErrClosed) {
		t.Fatalf("Append after Close: %v", err)
	}
	s.reopen()
	s.expect(1, 0, 0)
}

func goneCaller(t tb, open Opener) {
	s := start(t, open, eventlog.Retention{})
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := s.log.Append(ctx, unit(present("a")), request("")); !errors.Is(err, context.Canceled) {
		t.Fatalf("Append for a caller that has gone: %v", err)
	}
	s.append(unit(present("b")))
}

func wholeUnits(t tb, open Opener) {
	s := start(t, open, eventlog.Retention{})
	now := s.clock.Now().Truncate(time.Second)
	want := []controlplane.Unit{
		{Position: 1, Events: []controlplane.Event{
			{Position: 1, Type: "moment", Data: []byte("two\nlines\x00é"), Time: now, Audience: controlplane.Edges},
		}},
		{Position: 4, Events: []controlplane.Event{
			{Position: 2, Type: "present", Data: []byte(`{"a":1}`), Entities: []string{"b", "a"}, Time: now, Audience: controlplane.Everyone},
			{Position: 3, Type: "until", Data: []byte(`{}`), Entities: []string{"c"}, Time: now, ExpiresAt: now.Add(time.Minute), Audience: controlplane.ControlPlanes},
			{Position: 4, Type: "absent", Data: []byte(`{}`), Entities: []string{"d", "d#auto"}, Tombstone: true, Time: now, Audience: controlplane.Edges | controlplane.Subscribers},
		}},
		{Position: 5, Events: []controlplane.Event{
			{Position: 5, Type: "published", Data: []byte{}, Channel: "room:1", Time: now, Audience: controlplane.Listeners | controlplane.ControlPlanes},
		}},
	}
	for _, u := range want {
		s.equal("receipt", s.first(u.Position), s.append(unit(withoutPositions(u.Events)...)))
		if told := s.sink.position(); told != u.Position {
			t.Fatalf("Append of unit %d returned when the sink was at %d", u.Position, told)
		}
	}
	s.equal("units read", want, s.read(0, 10))
	s.equal("units committed", want, s.sink.all())
	s.reopen()
	s.equal("units read after a reopen", want, s.read(0, 10))
	s.equal("units committed after a reopen", want, s.sink.all())
}

func withoutPositions(events []controlplane.Event) []controlplane.Event {
	out := append([]controlplane.Event(nil), events...)
	for i := range out {
		out[i].Position = 0
	}
	return out
}

func wrongSizes(t tb, open Opener) {
	s := start(t, open, eventlog.Retention{})
	for _, size := range []int{0, eventlog.MaxUnit + 1} {
		if _, err := s.try(unit(moments(size)...), request("id")); err == nil {
			t.Fatalf("a unit of %d events was not refused", size)
		}
	}
	if _, err := s.log.Append(t.Context(), unit(moment("m"))); err == nil {
		t.Fatalf("an append without a request was not refused")
	}
	s.expect(0, 0, 0)
	s.equal("receipt", s.first(eventlog.MaxUnit), s.append(unit(moments(eventlog.MaxUnit)...), request("id")))
	s.equal("units committed", s.read(0, 1), s.sink.all())
}

func pages(t tb, open Opener) {
	s := start(t, open, eventlog.Retention{})
	for _, size := range []int{1, 3, 1, 5, eventlog.MaxUnit, 2, 1} {
		s.append(unit(moments(size)...))
	}
	all := s.sink.all()
	for limit := 1; limit <= 12; limit++ {
		s.equal("units from nothing", outline(all), outline(s.read(0, limit)))
		for i, u := range all {
			s.equal(fmt.Sprintf("units after %d", u.Position), outline(all[i+1:]), outline(s.read(u.Position, limit)))
		}
	}
	s.equal("the first unit", all[:1], s.page(0, 1).Units)
	for _, beyond := range []uint64{s.head().Position, s.head().Position + 1, math.MaxInt64, math.MaxUint64} {
		page := s.page(beyond, 10)
		s.equal(fmt.Sprintf("page after %d", beyond), eventlog.Page{Head: s.head(), Next: s.head().Position}, page)
	}
}

// largeEvents make short pages: one ends with the unit that makes it large.
func largeEvents(t tb, open Opener) {
	const half = eventlog.PageBytes/2 + 1
	s := start(t, open, eventlog.Retention{})
	large, larger := moment(strings.Repeat("x", half)), moment(strings.Repeat("x", 2*half))
	for _, u := range [][]controlplane.Event{moments(3), {large}, {large, large, large}, moments(2), {larger}, {large}, moments(2)} {
		s.append(unit(u...))
	}
	all := s.sink.all()
	for _, limit := range []int{1, 2, 4, 100} {
		var read []controlplane.Unit
		for after := uint64(0); after < s.head().Position; {
			page := s.page(after, limit)
			if size := dataOf(page.Units[:len(page.Units)-1]); size >= eventlog.PageBytes {
				t.Fatalf("Read(%d, %d): a page of %d units has %d bytes of data before the last", after, limit, len(page.Units), size)
			}
			read, after = append(read, page.Units...), page.Next
		}
		s.equal("large units", outline(all), outline(read))
	}
}

func dataOf(units []controlplane.Unit) (bytes int) {
	for _, u := range units {
		for _, e := range u.Events {
			bytes += len(e.Data)
		}
	}
	return bytes
}

func concurrentAppends(t tb, open Opener) {
	const writers, appends = 16, 15
	s := start(t, open, eventlog.Retention{})
	var group errgroup.Group
	t.Cleanup(func() { _ = group.Wait() })
	var running atomic.Int32
	running.Store(writers)
	for w := range writers {
		group.Go(func() error {
			defer running.Add(-1)
			return s.appendMany(w, appends)
		})
	}
	seen := s.followWhile(func() bool { return running.Load() > 0 })
	if err := group.Wait(); err != nil {
		t.Fatalf("append: %v", err)
	}
	for i, position := range positions(seen) {
		if position != uint64(i)+1 {
			t.Fatalf("event %d is at position %d", i, position)
		}
	}
	s.expect(uint64(len(positions(seen))), 0, 0)
	s.equal("units committed, and those read meanwhile", s.sink.all(), seen)
	s.equal("units read, and those read meanwhile", s.read(0, 100), seen)
	if len(seen) != writers*appends {
		t.Fatalf("%d units for %d appends", len(seen), writers*appends)
	}
}

// followWhile reads what is appended while something runs, and then the rest.
func (s *subject) followWhile(running func() bool) []controlplane.Unit {
	s.t.Helper()
	var seen []controlplane.Unit
	for after, last := uint64(0), false; ; {
		last = last || !running()
		page := s.page(after, eventlog.MaxUnit)
		seen = append(seen, page.Units...)
		if after = page.Next; last && after == page.Head.Position {
			return seen
		}
	}
}

// appendMany appends units of different sizes and checks, from what the sink
// heard, that each receipt is for the unit appended.
func (s *subject) appendMany(writer, appends int) error {
	for i := range appends {
		data := fmt.Sprint(writer, " ", i)
		events := make([]controlplane.Event, 1+(writer+i)%4)
		for j := range events {
			events[j] = moment(data)
		}
		receipts, err := s.try(unit(events...))
		if err != nil {
			return err
		}
		if err := s.checkHeard(receipts[0].Position, len(events), data); err != nil {
			return err
		}
	}
	return nil
}

func (s *subject) checkHeard(position uint64, size int, data string) error {
	for _, u := range s.sink.all() {
		if u.Position != position {
			continue
		}
		if len(u.Events) != size || string(u.Events[0].Data) != data || u.Events[0].Position != position-uint64(size)+1 {
			return fmt.Errorf("receipt %d for %q is that of another unit: %v", position, data, u)
		}
		return nil
	}
	return fmt.Errorf("append returned position %d before the sink heard of it", position)
}
