package server

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/ringcast/ringcast/controlplane"
	"github.com/ringcast/ringcast/controlplane/eventlog"
)

// probeTimeout keeps a disk that hangs from holding up those who ask for the
// readiness.
const probeTimeout = 5 * time.Second

// errUnwritable says why a server is not ready, to those who may not be told more.
var errUnwritable = errors.New("mutations fail: the log cannot be written, as on a full disk; this process's log says more")

// writableLog is a log that knows whether it can be written: not from an append
// that failed until one has succeeded.
type writableLog struct {
	eventlog.Log
	logger *slog.Logger
	failed atomic.Bool
	// probing is held by the one probe under way.
	probing sync.Mutex
}

// refused carries a decision's own error through the log, which returns it as it
// is: it says nothing of the log.
type refused struct{ error }

// Append implements eventlog.Log.
func (l *writableLog) Append(ctx context.Context, decide controlplane.Decision, requests ...eventlog.Request) ([]eventlog.Receipt, error) {
	receipts, err := l.Log.Append(ctx, func(s controlplane.State) ([]controlplane.Event, error) {
		events, err := decide(s)
		if err != nil {
			return nil, refused{err}
		}
		return events, nil
	}, requests...)
	if refusal, ok := errors.AsType[refused](err); ok {
		return nil, refusal.error
	}
	l.learn(receipts, err)
	return receipts, err
}

func (l *writableLog) learn(receipts []eventlog.Receipt, err error) {
	if saysNothing(err) {
		return
	}
	if err != nil {
		if !l.failed.Swap(true) {
			l.logger.Error("the log cannot be written; not ready until it can", "error", err)
		}
		return
	}
	// A repeat is answered from what was written before.
	fresh := slices.ContainsFunc(receipts, func(r eventlog.Receipt) bool { return !r.Repeated })
	if fresh && l.failed.Swap(false) {
		l.logger.Info("the log can be written again")
	}
}

// saysNothing tells errors of Append that have another cause than the log.
func saysNothing(err error) bool {
	for _, other := range []error{eventlog.ErrRequestReused, eventlog.ErrClosed, context.Canceled, context.DeadlineExceeded} {
		if errors.Is(err, other) {
			return true
		}
	}
	return false
}

// writable returns errUnwritable while the log cannot be written. It tries, for
// whoever is not ready gets no mutation that would show it.
func (l *writableLog) writable(ctx context.Context) error {
	if l.failed.Load() && l.probing.TryLock() {
		defer l.probing.Unlock()
		l.probe(ctx)
	}
	if l.failed.Load() {
		return errUnwritable
	}
	return nil
}

func (l *writableLog) probe(ctx context.Context) {
	if !l.failed.Load() {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, probeTimeout)
	defer cancel()
	// What comes of it, learn has seen.
	_, _ = l.Append(ctx, probe, eventlog.Request{Principal: "control plane", RPC: "probe", Detail: "{}"})
}

// probe is an event that no reader hears. It is the state of an entity of its
// own, so that each replaces the one before and the log does not grow.
func probe(s controlplane.State) ([]controlplane.Event, error) {
	return []controlplane.Event{{
		Type: "log_probed", Data: []byte("{}"), Entities: []string{"probe"}, Time: s.Now().Truncate(time.Second),
	}}, nil
}
