package logtest

import (
	"context"
	"maps"
	"runtime"
	"slices"
	"time"

	"github.com/ringcast/ringcast/controlplane"
	"github.com/ringcast/ringcast/controlplane/eventlog"
)

func (l *memLog) Compact(context.Context) error {
	l.disk.mu.Lock()
	defer l.disk.mu.Unlock()
	head := l.disk.head
	l.drop(&head)
	switch l.fault {
	case raisesHorizonAfter:
		l.awaitRead()
	case skipsHorizon:
		head.Horizon = l.disk.head.Horizon
	case skipsMomentHorizon:
		head.MomentHorizon = l.disk.head.MomentHorizon
	case raisesHorizonToHead:
		head.Horizon = head.Position
	}
	l.disk.head = head
	l.compactAudit()
	maps.DeleteFunc(l.disk.requests, func(_ string, r remembered) bool {
		return l.fault == forgetsRequestsEarly || l.fault != remembersForEver && l.Now().Sub(r.at) >= l.Retention.Request
	})
	return nil
}

// awaitRead lets one Read come in between.
func (l *memLog) awaitRead() {
	before := l.disk.reads.Load()
	l.disk.mu.Unlock()
	defer l.disk.mu.Lock()
	for l.disk.reads.Load() == before {
		runtime.Gosched()
	}
}

// drop drops what is due and raises head's horizons.
func (l *memLog) drop(head *eventlog.Head) {
	moments := 0
	for _, s := range l.disk.events {
		if s.Moment() {
			moments++
		}
	}
	l.disk.events = slices.DeleteFunc(l.disk.events, func(s stored) bool {
		due, horizon := l.due(s), &head.Horizon
		if s.Moment() {
			due = l.dueMoment(s, moments)
			horizon = &head.MomentHorizon
			moments--
		}
		switch {
		case !due, l.fault == skipsHorizonOfEnded && !s.ExpiresAt.IsZero():
		case l.fault == lowersHorizon:
			*horizon = s.Position
		default:
			*horizon = max(*horizon, s.Position)
		}
		return due
	})
}

// dueMoment decides about the first of a number of moments.
func (l *memLog) dueMoment(s stored, moments int) bool {
	return l.Now().Sub(s.Time) >= l.Retention.Moment && l.fault != keepsMoments ||
		moments > l.Retention.MomentMax && l.fault != ignoresMomentMax
}

func (l *memLog) due(s stored) bool {
	since := s.ExpiresAt
	switch {
	case l.fault == keepsExpired && !s.Tombstone:
		return false
	case s.Tombstone && l.fault == dropsTombstonesEarly:
		return true
	case !s.Tombstone && l.fault == dropsExpiredEarly:
		return !since.IsZero() && !since.After(l.Now())
	case s.Tombstone:
		since = s.Time
	case l.fault == countsExpiryFromAppend && !since.IsZero():
		since = s.Time
	}
	return !since.IsZero() && l.Now().Sub(since).Truncate(time.Second) >= l.Retention.Tombstone
}

func (l *memLog) write(u controlplane.Unit) {
	l.disk.head.Position = u.Position
	for _, e := range u.Events {
		l.disk.events = append(l.disk.events, stored{e, u.Position})
		if l.fault == supersedingRaisesHorizon && len(l.superseded(e)) > 0 {
			l.disk.head.Horizon = slices.Max(l.superseded(e))
		}
		gone := l.superseded(e)
		l.disk.events = slices.DeleteFunc(l.disk.events, func(s stored) bool {
			return slices.Contains(gone, s.Position) && l.fault != keepsSuperseded
		})
	}
}

// superseded are the positions of events of which nothing is the latest any
// more now that e is there.
func (l *memLog) superseded(e controlplane.Event) []uint64 {
	var gone []uint64
	for _, s := range l.disk.events {
		if !overlap(s.Entities, e.Entities) || s.Position == e.Position {
			continue
		}
		if l.fault == dropsAtFirstSuccessor || l.latestOf(s) == 0 {
			gone = append(gone, s.Position)
		}
	}
	return gone
}

func overlap(a, b []string) bool {
	return slices.ContainsFunc(a, func(s string) bool { return slices.Contains(b, s) })
}

// latestOf counts the entities of which s is the latest.
func (l *memLog) latestOf(s stored) int {
	n := 0
	for _, entity := range s.Entities {
		if latest, ok := l.latest(entity); ok && latest.Position == s.Position {
			n++
		}
	}
	return n
}

func (l *memLog) latest(entity string) (controlplane.Event, bool) {
	for _, s := range slices.Backward(l.disk.events) {
		if slices.Contains(s.Entities, entity) {
			return s.Event, true
		}
	}
	return controlplane.Event{}, false
}
