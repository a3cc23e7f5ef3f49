package logtest

import (
	"context"
	"fmt"
	"os"
	"reflect"
	"slices"
	"sync"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"pgregory.net/rapid"

	"github.com/ringcast/ringcast/controlplane"
	"github.com/ringcast/ringcast/controlplane/eventlog"
)

// tb is what the checks need of *testing.T and *rapid.T.
type tb interface {
	rapid.TB
	Cleanup(func())
	Context() context.Context
}

// subject is a log under test, with its clock and what it told its sink.
type subject struct {
	t       tb
	log     Log
	open    Opener
	options Options
	clock   *clock
	sink    *sink
}

func start(t tb, open Opener, retention eventlog.Retention) *subject {
	t.Helper()
	dir, err := os.MkdirTemp("", "logtest-")
	if err != nil {
		t.Fatalf("make the log's directory: %v", err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	s := &subject{t: t, open: open, clock: newClock(), sink: &sink{}}
	s.options = Options{Dir: dir, Retention: retention, Now: s.clock.Now, Committed: s.sink.committed}
	s.begin()
	t.Cleanup(s.end)
	return s
}

func (s *subject) begin() {
	s.t.Helper()
	var err error
	if s.log, err = s.open(s.options); err != nil {
		s.t.Fatalf("open: %v", err)
	}
}

func (s *subject) end() {
	s.t.Helper()
	if s.log == nil {
		return
	}
	if err := s.log.Close(); err != nil {
		s.t.Errorf("Close: %v", err)
	}
	s.log = nil
}

func (s *subject) reopen() {
	s.t.Helper()
	s.end()
	s.begin()
}

// try appends with a request of its own where none is given, and returns a
// receipt for each request or an error. Unlike the other methods it may be
// called from any goroutine.
func (s *subject) try(decide controlplane.Decision, requests ...eventlog.Request) ([]eventlog.Receipt, error) {
	if len(requests) == 0 {
		requests = []eventlog.Request{request("")}
	}
	receipts, err := s.log.Append(s.t.Context(), decide, requests...)
	if err == nil && len(receipts) != len(requests) {
		err = fmt.Errorf("%d receipts for %d requests", len(receipts), len(requests))
	}
	return receipts, err
}

// append appends what has to succeed, and returns the first receipt.
func (s *subject) append(decide controlplane.Decision, requests ...eventlog.Request) eventlog.Receipt {
	s.t.Helper()
	receipts, err := s.try(decide, requests...)
	if err != nil {
		s.t.Fatalf("Append: %v", err)
	}
	return receipts[0]
}

func (s *subject) head() eventlog.Head {
	s.t.Helper()
	head, err := s.log.Head(s.t.Context())
	if err != nil {
		s.t.Fatalf("Head: %v", err)
	}
	return head
}

func (s *subject) compact() {
	s.t.Helper()
	if err := s.log.Compact(s.t.Context()); err != nil {
		s.t.Fatalf("Compact: %v", err)
	}
}

// event is what the sink heard of a position.
func (s *subject) event(position uint64) controlplane.Event {
	s.t.Helper()
	for _, u := range s.sink.all() {
		for _, e := range u.Events {
			if e.Position == position {
				return e
			}
		}
	}
	s.t.Fatalf("the sink heard nothing of position %d", position)
	return controlplane.Event{}
}

// expect compares the head, but for its epoch.
func (s *subject) expect(position, horizon, momentHorizon uint64) {
	s.t.Helper()
	head := s.head()
	want := eventlog.Head{Epoch: head.Epoch, Position: position, Horizon: horizon, MomentHorizon: momentHorizon}
	s.equal("head", want, head)
}

// equal compares values as a reader would: empty is as good as nil.
func (s *subject) equal(what string, want, got any) {
	s.t.Helper()
	if reflect.DeepEqual(want, got) {
		return
	}
	if diff := cmp.Diff(want, got, cmpopts.EquateEmpty()); diff != "" {
		s.t.Fatalf("%s (-want +got):\n%s", what, diff)
	}
}

// clock is in the middle of a second, since logs count whole ones.
type clock struct {
	mu  sync.Mutex
	now time.Time
}

func newClock() *clock {
	return &clock{now: time.Date(2026, 1, 2, 3, 4, 0, 250_000_000, time.UTC)}
}

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *clock) advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

// sink keeps what a log said that it committed.
type sink struct {
	mu    sync.Mutex
	units []controlplane.Unit
}

func (s *sink) committed(units []controlplane.Unit) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.units = append(s.units, units...)
}

func (s *sink) all() []controlplane.Unit {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.units)
}

// position is that of the last unit.
func (s *sink) position() uint64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.units) == 0 {
		return 0
	}
	return s.units[len(s.units)-1].Position
}
