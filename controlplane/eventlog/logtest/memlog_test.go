package logtest

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/ringcast/ringcast/controlplane"
	"github.com/ringcast/ringcast/controlplane/eventlog"
)

// disks is what outlives an open memLog, by directory.
type disks struct {
	mu    sync.Mutex
	byDir map[string]*disk // guarded by mu
}

type disk struct {
	mu       sync.Mutex
	head     eventlog.Head
	events   []stored
	requests map[string]remembered
	audit    []eventlog.AuditRecord
	// reads counts them.
	reads atomic.Int64
}

type stored struct {
	controlplane.Event
	unit uint64
}

type remembered struct {
	digest   [32]byte
	position uint64
	at       time.Time
}

// opener opens memory logs that have a fault.
func opener(f fault) Opener {
	d := &disks{byDir: make(map[string]*disk)}
	return func(o Options) (Log, error) {
		d.mu.Lock()
		defer d.mu.Unlock()
		on := d.byDir[o.Dir]
		if on == nil {
			on = &disk{head: eventlog.Head{Epoch: fmt.Sprint("epoch", len(d.byDir))}, requests: make(map[string]remembered)}
			d.byDir[o.Dir] = on
		}
		o.Retention = o.Retention.WithDefaults()
		l := &memLog{Options: o, fault: f, disk: on}
		l.breakOpen()
		return l, nil
	}
}

// memLog is the simplest Log: a slice under a mutex. Its fault, if any, breaks
// it in one way.
type memLog struct {
	Options
	fault  fault
	disk   *disk
	closed atomic.Bool
}

func (l *memLog) Close() error {
	l.closed.Store(true)
	return nil
}

func (l *memLog) breakOpen() {
	d := l.disk
	switch l.fault {
	case forgetsRequestsOnOpen:
		clear(d.requests)
	case forgetsAuditOnOpen:
		d.audit = nil
	case newEpochOnOpen:
		d.head.Epoch += "+"
	case derivesPosition:
		d.head.Position = 0
		for _, e := range d.events {
			d.head.Position = max(d.head.Position, e.Position)
		}
	case forgetsHorizonOnOpen:
		d.head.Horizon = 0
	case repeatsCommittedOnOpen:
		l.Committed(l.units(0, nil))
	}
}

func (l *memLog) Append(ctx context.Context, decide controlplane.Decision, requests ...eventlog.Request) ([]eventlog.Receipt, error) {
	if l.closed.Load() && l.fault != appendsAfterClose {
		return nil, eventlog.ErrClosed
	}
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if len(requests) == 0 {
		return nil, errors.New("append without a request")
	}
	l.disk.mu.Lock()
	defer l.disk.mu.Unlock()
	receipts, fresh, err := l.recall(requests)
	if err != nil || !fresh {
		if err != nil && l.fault == auditsReused || err == nil && l.fault == auditsRepeats {
			l.audit(requests[0], l.disk.head.Position)
		}
		return receipts, err
	}
	if l.fault == recallsAside {
		l.letOthers()
	}
	u, err := l.decide(decide, receipts)
	if err != nil {
		switch l.fault {
		case remembersRefusals:
			l.remember(requests, receipts, l.disk.head.Position)
		case auditsRefusals:
			l.auditFresh(requests, receipts, l.disk.head.Position)
		}
		return nil, err
	}
	l.write(u)
	l.auditFresh(requests, receipts, u.Position)
	l.remember(requests, receipts, u.Position)
	l.commit(u)
	return receipts, nil
}

// letOthers gives others the time to do something in between.
func (l *memLog) letOthers() {
	l.disk.mu.Unlock()
	defer l.disk.mu.Lock()
	for range 10_000 {
		runtime.Gosched()
	}
}

func (l *memLog) decide(decide controlplane.Decision, receipts []eventlog.Receipt) (controlplane.Unit, error) {
	var events []controlplane.Event
	var err error
	if l.fault == decidesAside {
		l.disk.mu.Unlock()
		events, err = decide(memState{l, receipts})
		l.disk.mu.Lock()
	} else {
		events, err = decide(memState{l, receipts})
	}
	if err != nil && l.fault == wrapsRefusals {
		err = fmt.Errorf("append: %w", err)
	}
	if err != nil {
		return controlplane.Unit{}, err
	}
	if len(events) == 0 || (len(events) > eventlog.MaxUnit && l.fault != takesLargeUnits) {
		return controlplane.Unit{}, fmt.Errorf("%d events", len(events))
	}
	if l.fault != takesEvents {
		events = slices.Clone(events)
	}
	position := l.disk.head.Position
	for i := range events {
		if position++; l.fault == skipsPositions && i > 0 {
			position++
		}
		events[i].Position = position
	}
	return controlplane.Unit{Position: position, Events: events}, nil
}

func (l *memLog) commit(u controlplane.Unit) {
	switch l.fault {
	case commitsEachEvent:
		for _, e := range u.Events {
			l.Committed([]controlplane.Unit{{Position: e.Position, Events: []controlplane.Event{e}}})
		}
	case commitsTwice:
		l.Committed([]controlplane.Unit{u, u})
	case commitsLate:
		go l.Committed([]controlplane.Unit{u})
	default:
		l.Committed([]controlplane.Unit{u})
	}
}

func (l *memLog) recall(requests []eventlog.Request) (receipts []eventlog.Receipt, fresh bool, err error) {
	receipts = make([]eventlog.Receipt, len(requests))
	var reused []int
	for i, r := range requests {
		was, ok := l.disk.requests[l.key(r)]
		switch {
		case r.ID == "" || !ok:
			fresh = true
			continue
		case was.digest != r.Digest && l.fault != ignoresDigests:
			reused = append(reused, i)
			continue
		}
		receipts[i] = eventlog.Receipt{Epoch: l.disk.head.Epoch, Position: was.position, Repeated: true}
		if l.fault == answersRepeatsAnew {
			receipts[i].Position = l.disk.head.Position
		}
	}
	if len(reused) > 0 {
		return nil, false, l.reused(reused)
	}
	return receipts, fresh || l.fault == appendsRepeats, nil
}

func (l *memLog) reused(requests []int) error {
	switch l.fault {
	case namesNoReused:
		return eventlog.ErrRequestReused
	case namesFirstReused:
		return &eventlog.ReusedError{Requests: requests[:1]}
	default:
		return &eventlog.ReusedError{Requests: requests}
	}
}

func (l *memLog) key(r eventlog.Request) string {
	if l.fault == sharesRequestIDs {
		return r.ID
	}
	return r.Principal + "\n" + r.ID
}

func (l *memLog) remember(requests []eventlog.Request, receipts []eventlog.Receipt, position uint64) {
	for i, r := range requests {
		if receipts[i].Repeated && l.fault != answersMixedAnew {
			continue
		}
		receipts[i] = eventlog.Receipt{Epoch: l.disk.head.Epoch, Position: position}
		l.disk.requests[l.key(r)] = remembered{r.Digest, position, l.Now()}
	}
}

type memState struct {
	*memLog
	receipts []eventlog.Receipt
}

func (s memState) Repeated(request int) bool {
	switch s.fault {
	case hidesRepeats:
		return false
	case tellsOtherRepeats:
		request = len(s.receipts) - 1 - request
	}
	return s.receipts[request].Repeated
}

func (s memState) Now() time.Time {
	if s.fault == dropsFractions {
		return s.memLog.Now().Truncate(time.Second)
	}
	return s.memLog.Now()
}

func (s memState) Latest(entity string) (controlplane.Event, bool, error) {
	if s.fault == decidesAside {
		s.disk.mu.Lock()
		defer s.disk.mu.Unlock()
	}
	e, ok := s.latest(entity)
	if s.fault == decidesOnLiveOnly && !e.Live(s.Now()) {
		return controlplane.Event{}, false, nil
	}
	return e, ok, nil
}

func (s memState) Any(prefix string) (bool, error) {
	if s.fault == decidesAside {
		s.disk.mu.Lock()
		defer s.disk.mu.Unlock()
	}
	for _, e := range s.disk.events {
		for _, entity := range e.Entities {
			latest, _ := s.latest(entity)
			if latest.Position == e.Position && s.matches(entity, prefix) && (s.fault != decidesOnLiveOnly || e.Live(s.Now())) {
				return true, nil
			}
		}
	}
	return false, nil
}
