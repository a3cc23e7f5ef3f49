package coalesce

import (
	"cmp"
	"context"
	"sync"
	"testing"
	"time"

	"github.com/ringcast/ringcast/controlplane"
	"github.com/ringcast/ringcast/controlplane/eventlog"
	"github.com/ringcast/ringcast/internal/wire"
)

// fakeLog is a log in memory that takes its time.
type fakeLog struct {
	eventlog.Log
	takes time.Duration

	mu      sync.Mutex
	fail    error
	units   []unit // that of position n is at n-1
	appends int    // those that failed included
}

// unit is an event with the requests that were fresh.
type unit struct {
	event    wire.CacheInvalidated
	requests []eventlog.Request
}

// Append implements eventlog.Log.
func (l *fakeLog) Append(ctx context.Context, decide controlplane.Decision, requests ...eventlog.Request) ([]eventlog.Receipt, error) {
	receipts, err := l.append(ctx, decide, requests)
	if err != nil {
		return nil, err
	}
	select {
	case <-time.After(l.takes):
		return receipts, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

func (l *fakeLog) append(ctx context.Context, decide controlplane.Decision, requests []eventlog.Request) ([]eventlog.Receipt, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.appends++
	if err := cmp.Or(ctx.Err(), l.fail); err != nil {
		return nil, err
	}
	receipts, fresh, err := l.recall(requests)
	if err != nil || len(fresh) == 0 {
		return receipts, err
	}
	events, err := decide(fakeState{receipts: receipts})
	if err != nil {
		return nil, err
	}
	event, err := wire.Decode(events[0].Type, events[0].Data)
	if err != nil {
		return nil, err
	}
	l.units = append(l.units, unit{*event.(*wire.CacheInvalidated), fresh})
	for i := range receipts {
		if !receipts[i].Repeated {
			receipts[i].Position = uint64(len(l.units))
		}
	}
	return receipts, nil
}

func (l *fakeLog) recall(requests []eventlog.Request) (receipts []eventlog.Receipt, fresh []eventlog.Request, err error) {
	receipts = make([]eventlog.Receipt, len(requests))
	var reused []int
	for i, r := range requests {
		switch position, digest := l.find(r); {
		case position == 0:
			fresh = append(fresh, r)
		case digest != r.Digest:
			reused = append(reused, i)
		default:
			receipts[i] = eventlog.Receipt{Position: position, Repeated: true}
		}
	}
	if reused != nil {
		return nil, nil, &eventlog.ReusedError{Requests: reused}
	}
	return receipts, fresh, nil
}

// find is where a request's id was used, 0 if nowhere.
func (l *fakeLog) find(r eventlog.Request) (uint64, [32]byte) {
	for n, u := range l.units {
		for _, was := range u.requests {
			if r.ID != "" && was.Principal == r.Principal && was.ID == r.ID {
				return uint64(n + 1), was.Digest
			}
		}
	}
	return 0, [32]byte{}
}

// recorded are the units so far.
func (l *fakeLog) recorded() []unit {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.units[:len(l.units):len(l.units)]
}

func (l *fakeLog) failWith(err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.fail = err
}

// fakeState has no entities.
type fakeState struct {
	controlplane.State
	receipts []eventlog.Receipt
}

func (s fakeState) Repeated(request int) bool { return s.receipts[request].Repeated }
func (s fakeState) Now() time.Time            { return time.Unix(1_800_000_000, 0) }

func start(t testing.TB, log eventlog.Log, window time.Duration) *Invalidations {
	t.Helper()
	c, err := New(Config{Window: window}, log)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}
