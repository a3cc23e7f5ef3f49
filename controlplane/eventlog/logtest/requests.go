package logtest

import (
	"errors"
	"fmt"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/ringcast/ringcast/controlplane"
	"github.com/ringcast/ringcast/controlplane/eventlog"
)

func repeatedRequests(t tb, open Opener) {
	s := start(t, open, eventlog.Retention{})
	s.equal("receipt", s.first(2), s.append(unit(present("a"), moment("m")), request("id")))
	s.append(unit(present("a")))
	undecided := func(controlplane.State) ([]controlplane.Event, error) {
		t.Errorf("a repeat was decided")
		return nil, errRefused
	}
	for range 2 {
		s.equal("receipt of a repeat", s.repeated(2), s.append(undecided, request("id")))
		s.expect(3, 0, 0)
		s.reopen()
	}
	s.equal("units committed", []uint64{1, 2, 3}, positions(s.sink.all()))

	s.equal("receipt of another principal", s.first(4), s.append(unit(present("a")), by("bob", request("id"))))
	s.equal("receipt of another id", s.first(5), s.append(unit(present("a")), request("ID")))
	s.equal("receipt without an id", s.first(6), s.append(unit(present("a")), request("")))
	s.equal("second receipt without an id", s.first(7), s.append(unit(present("a")), request("")))
}

func reusedIDs(t tb, open Opener) {
	s := start(t, open, eventlog.Retention{})
	if _, err := s.try(unit(present("a")), request("id"), request("id 2"), request("other")); err != nil {
		t.Fatalf("Append: %v", err)
	}
	for range 2 {
		s.expectReused([]int{0}, differing(request("id")))
		s.expectReused([]int{1}, request("fresh"), differing(request("id")))
		s.expectReused([]int{0, 3}, differing(request("id")), request(""), request("id 2"), differing(request("other")))
		s.expect(1, 0, 0)
		s.equal("units committed", []uint64{1}, positions(s.sink.all()))
		s.reopen()
	}
	s.equal("receipt of the same request", s.repeated(1), s.append(unit(present("a")), request("id")))
	s.equal("receipt of the request beside it", s.first(2), s.append(unit(present("a")), request("fresh")))
}

// expectReused wants an append to fail for the requests of some indices.
func (s *subject) expectReused(want []int, requests ...eventlog.Request) {
	s.t.Helper()
	_, err := s.try(unit(present("a")), requests...)
	reused, ok := errors.AsType[*eventlog.ReusedError](err)
	if !ok || !errors.Is(err, eventlog.ErrRequestReused) {
		s.t.Fatalf("Append with reused request ids: %v", err)
	}
	s.equal("requests whose ids were reused", want, reused.Requests)
}

func concurrentRepeats(t tb, open Opener) {
	const rounds, callers = 10, 4
	s := start(t, open, eventlog.Retention{})
	for round := range rounds {
		receipts := make([]eventlog.Receipt, callers)
		var group errgroup.Group
		gate := newGate(callers)
		for c := range callers {
			group.Go(func() error {
				gate.pass()
				r, err := s.try(unit(present("a")), request(fmt.Sprint(round)))
				if err == nil {
					receipts[c] = r[0]
				}
				return err
			})
		}
		if err := group.Wait(); err != nil {
			t.Fatalf("concurrent repeats: %v", err)
		}
		s.checkOneFirst(uint64(round)+1, receipts)
	}
	s.expect(rounds, 0, 0)
}

func (s *subject) checkOneFirst(position uint64, receipts []eventlog.Receipt) {
	s.t.Helper()
	firsts := 0
	for _, r := range receipts {
		if !r.Repeated {
			firsts++
		}
		r.Repeated = false
		s.equal("receipt of a concurrent repeat", s.first(position), r)
	}
	if firsts != 1 {
		s.t.Fatalf("%d of %d concurrent repeats were the first", firsts, len(receipts))
	}
}

func severalRequests(t tb, open Opener) {
	s := start(t, open, eventlog.Retention{})
	one, two, three := request("1"), by("bob", request("2")), request("3")
	try := func(what string, requests []eventlog.Request, want ...eventlog.Receipt) {
		t.Helper()
		got, err := s.try(unit(present("a"), moment("m")), requests...)
		if err != nil {
			t.Fatalf("%s: %v", what, err)
		}
		s.equal(what, want, got)
	}
	try("all are new", []eventlog.Request{one, two}, s.first(2), s.first(2))
	try("all are repeats", []eventlog.Request{two, one}, s.repeated(2), s.repeated(2))
	s.expect(2, 0, 0)
	try("one is new", []eventlog.Request{one, three, two}, s.repeated(2), s.first(4), s.repeated(2))
	try("all are repeats of two units", []eventlog.Request{three, one}, s.repeated(4), s.repeated(2))
	s.expect(4, 0, 0)
	try("one has no id", []eventlog.Request{request(""), three}, s.first(6), s.repeated(4))
	s.equal("positions committed", []uint64{1, 2, 3, 4, 5, 6}, positions(s.sink.all()))
}

// repeatsAtDecision wants decisions to know which requests are repeats.
func repeatsAtDecision(t tb, open Opener) {
	s := start(t, open, eventlog.Retention{})
	expect := func(want []bool, requests ...eventlog.Request) {
		t.Helper()
		var got []bool
		s.append(func(state controlplane.State) ([]controlplane.Event, error) {
			got = nil
			for i := range requests {
				got = append(got, state.Repeated(i))
			}
			return unit(moment("m"))(state)
		}, requests...)
		s.equal("repeats at a decision", want, got)
	}
	expect([]bool{false}, request("1"))
	expect([]bool{true, false, false}, request("1"), request("2"), request(""))
	s.reopen()
	expect([]bool{false, true, false, true}, by("bob", request("1")), request("2"), request("3"), request("1"))
}

func forgottenRequests(t tb, open Opener) {
	for _, retention := range []time.Duration{0, time.Minute} {
		s := start(t, open, eventlog.Retention{Request: retention})
		kept := s.options.Retention.WithDefaults().Request
		s.append(unit(present("a")), request("id"))
		s.clock.advance(kept - time.Second)
		s.compact()
		s.reopen()
		s.equal("receipt within the retention", s.repeated(1), s.append(unit(present("a")), request("id")))
		s.clock.advance(2 * time.Second)
		s.compact()
		s.equal("receipt after the retention", s.first(2), s.append(unit(present("a")), differing(request("id"))))
		s.equal("receipt of the new request", s.repeated(2), s.append(unit(present("a")), differing(request("id"))))
	}
}
