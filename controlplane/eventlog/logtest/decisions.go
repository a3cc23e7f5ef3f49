package logtest

import (
	"errors"
	"runtime"
	"strconv"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/ringcast/ringcast/controlplane"
	"github.com/ringcast/ringcast/controlplane/eventlog"
)

var errRefused = errors.New("refused by the decision")

func refuse(controlplane.State) ([]controlplane.Event, error) { return nil, errRefused }

// asItIs says that err is the refusal and not something that wraps it.
func asItIs(err error) bool { return any(err) == any(errRefused) }

func decisionState(t tb, open Opener) {
	s := start(t, open, eventlog.Retention{})
	s.append(unit(present("a"), moment("m"), absent("b", "c")))
	s.append(unit(until(s.clock.Now().Add(time.Minute), "c")))
	s.clock.advance(time.Hour)
	want := map[string]uint64{"a": 1, "b": 3, "c": 4, "d": 0}
	got := make(map[string]uint64)
	var now time.Time
	s.append(func(state controlplane.State) ([]controlplane.Event, error) {
		now = state.Now()
		for entity := range want {
			e, ok, err := state.Latest(entity)
			if err != nil || ok != (e.Position > 0) {
				t.Errorf("Latest(%q) in a decision: %v, %v, %v", entity, e, ok, err)
			}
			got[entity] = e.Position
		}
		return unit(present("d"))(state)
	})
	s.equal("latest events in a decision", want, got)
	s.equal("time of a decision", s.clock.Now(), now)
}

// knownAtDecision asks for prefixes of entities: of live ones, of absences, and
// of those that are forgotten.
func knownAtDecision(t tb, open Opener) {
	s := start(t, open, eventlog.Retention{})
	s.append(unit(present("a"), absent("b"), absent("allow/x")))
	s.append(unit(until(s.clock.Now().Add(time.Minute), "allow/y")))
	s.append(unit(present("allow/z")))
	s.clock.advance(time.Hour)
	s.expectAny(map[string]bool{
		"": true, "a": true, "b": true, "c": false, "ab": false,
		"allow/": true, "allow/x": true, "allow/y": true, "allow/xy": false, "allow0": false,
	})
	s.clock.advance(eventlog.TombstoneRetention)
	s.compact()
	s.expectAny(map[string]bool{"": true, "b": false, "allow/": true, "allow/x": false, "allow/y": false, "allow/z": true})
}

// expectAny also wants Latest to agree.
func (s *subject) expectAny(want map[string]bool) {
	s.t.Helper()
	s.append(func(state controlplane.State) ([]controlplane.Event, error) {
		for prefix, some := range want {
			if got, err := state.Any(prefix); err != nil || got != some {
				s.t.Errorf("Any(%q) in a decision: %t, %v", prefix, got, err)
			}
			if _, ok, err := state.Latest(prefix); err != nil || ok && !some {
				s.t.Errorf("Latest(%q) in a decision: %t, %v", prefix, ok, err)
			}
		}
		return unit(moment("m"))(state)
	})
}

// concurrentDecisions counts in the log: a decision that does not see the one
// before it, maybe of the same transaction, counts a number twice.
func concurrentDecisions(t tb, open Opener) {
	const writers, appends = 16, 10
	s := start(t, open, eventlog.Retention{})
	var group errgroup.Group
	gate := newGate(writers)
	for range writers {
		group.Go(func() error {
			gate.pass()
			for range appends {
				if _, err := s.try(increment); err != nil {
					return err
				}
			}
			return nil
		})
	}
	if err := group.Wait(); err != nil {
		t.Fatalf("append: %v", err)
	}
	for i, u := range s.sink.all() {
		if got := string(u.Events[0].Data); got != strconv.Itoa(i+1) {
			t.Fatalf("decision %d counted %s", i+1, got)
		}
	}
	s.expect(writers*appends, 0, 0)
}

// increment lets others run between what it sees and what it decides.
func increment(state controlplane.State) ([]controlplane.Event, error) {
	count := 0
	e, ok, err := state.Latest("counter")
	runtime.Gosched()
	if err != nil {
		return nil, err
	}
	if ok {
		if count, err = strconv.Atoi(string(e.Data)); err != nil {
			return nil, err
		}
	}
	next := present("counter")
	next.Data = strconv.AppendInt(nil, int64(count)+1, 10)
	return unit(next)(state)
}

func refusals(t tb, open Opener) {
	s := start(t, open, eventlog.Retention{})
	s.append(unit(present("a")))
	if _, err := s.try(refuse, request("id")); !asItIs(err) {
		t.Fatalf("refused Append: %v", err)
	}
	s.expect(1, 0, 0)
	s.equal("units committed", s.read(0, 10), s.sink.all())
	s.equal("receipt after a refusal", s.first(2), s.append(unit(present("b")), request("id")))
	s.refuseAmong(16)
}

// refuseAmong lets every other of concurrent appends be refused.
func (s *subject) refuseAmong(writers int) {
	s.t.Helper()
	before := s.head().Position
	var group errgroup.Group
	gate := newGate(writers)
	for w := range writers {
		group.Go(func() error {
			gate.pass()
			if w%2 == 0 {
				_, err := s.try(unit(moment("m")))
				return err
			}
			if _, err := s.try(refuse); !asItIs(err) {
				return errors.Join(errors.New("not refused"), err)
			}
			return nil
		})
	}
	if err := group.Wait(); err != nil {
		s.t.Fatalf("append among refusals: %v", err)
	}
	s.expect(before+uint64(writers/2), 0, 0)
	s.equal("units committed", s.sink.all(), s.read(0, 100))
}

// decisionOwnsEvents has a decision return the same slice each time, as a pure
// function may.
func decisionOwnsEvents(t tb, open Opener) {
	s := start(t, open, eventlog.Retention{})
	events := moments(2)
	same := func(controlplane.State) ([]controlplane.Event, error) { return events, nil }
	s.append(same)
	s.append(same)
	s.equal("positions committed", []uint64{1, 2, 3, 4}, positions(s.sink.all()))
	s.equal("the decision's events", moments(2), events)
}

// gate lets callers pass once all have come, so that they append together.
type gate struct{ waiting sync.WaitGroup }

func newGate(callers int) *gate {
	g := &gate{}
	g.waiting.Add(callers)
	return g
}

func (g *gate) pass() {
	g.waiting.Done()
	g.waiting.Wait()
}
