package logtest

import (
	"cmp"
	"context"
	"slices"
	"strings"

	"github.com/ringcast/ringcast/controlplane"
	"github.com/ringcast/ringcast/controlplane/eventlog"
)

func (l *memLog) Head(context.Context) (eventlog.Head, error) {
	l.disk.mu.Lock()
	defer l.disk.mu.Unlock()
	return l.disk.head, nil
}

func (l *memLog) Read(_ context.Context, after uint64, limit int) (eventlog.Page, error) {
	l.disk.mu.Lock()
	defer l.disk.mu.Unlock()
	page := eventlog.Page{Head: l.disk.head, Next: l.disk.head.Position}
	if l.fault == readsBeyondHead && after > page.Head.Position {
		after = 0
	}
	l.disk.reads.Add(1)
	n, bytes, unit := 0, 0, uint64(0)
	page.Units = l.units(after, func(s stored) bool {
		large := bytes >= eventlog.PageBytes && l.fault != readsLargePages
		bytes += len(s.Data)
		if n++; n <= limit && !large || (s.unit == unit && l.fault != cutsUnits && l.fault != losesUnitEnds) {
			unit = s.unit
			return false
		}
		page.Next = unit
		return true
	})
	switch l.fault {
	case skipsToHead:
		page.Next = page.Head.Position
	case readsHeadAside:
		l.letOthers()
		if page.Next == page.Head.Position {
			page.Head, page.Next = l.disk.head, l.disk.head.Position
		}
	}
	return page, nil
}

// units groups events that follow a position, up to one at which it is to stop.
func (l *memLog) units(after uint64, stop func(stored) bool) []controlplane.Unit {
	var units []controlplane.Unit
	for _, s := range l.disk.events {
		if s.Position <= after {
			continue
		}
		if stop != nil && stop(s) {
			break
		}
		if last := len(units) - 1; last >= 0 && units[last].Position == s.unit {
			units[last].Events = append(units[last].Events, s.Event)
			continue
		}
		units = append(units, controlplane.Unit{Position: s.unit, Events: []controlplane.Event{s.Event}})
	}
	return units
}

func (l *memLog) Latest(_ context.Context, entities ...string) ([]controlplane.Event, error) {
	l.disk.mu.Lock()
	defer l.disk.mu.Unlock()
	var events []controlplane.Event
	for _, entity := range entities {
		if e, ok := l.latest(entity); ok && (l.fault != latestLiveOnly || e.Live(l.Now())) {
			events = append(events, e)
		}
	}
	if l.fault == latestUnordered {
		slices.SortFunc(events, func(a, b controlplane.Event) int { return cmp.Compare(a.Position, b.Position) })
	}
	return events, nil
}

func (l *memLog) List(_ context.Context, prefix, after string, limit int) ([]eventlog.Entry, error) {
	l.disk.mu.Lock()
	defer l.disk.mu.Unlock()
	var entries []eventlog.Entry
	for _, s := range l.disk.events {
		for _, entity := range s.Entities {
			latest, _ := l.latest(entity)
			if latest.Position == s.Position && l.matches(entity, prefix) && (entity > after || l.fault == listsAfterInclusive && entity == after) && (s.Live(l.Now()) || l.fault == listsExpired && !s.Tombstone) {
				entries = append(entries, eventlog.Entry{Entity: entity, Event: s.Event})
			}
		}
	}
	if l.fault != listsUnordered {
		slices.SortFunc(entries, func(a, b eventlog.Entry) int { return strings.Compare(a.Entity, b.Entity) })
	}
	return entries[:min(limit, len(entries))], nil
}

func (l *memLog) matches(entity, prefix string) bool {
	if l.fault == foldsCase {
		entity, prefix = strings.ToLower(entity), strings.ToLower(prefix)
	}
	return strings.HasPrefix(entity, prefix)
}

func (l *memLog) Count(ctx context.Context, prefix string) (uint64, error) {
	entries, err := l.List(ctx, prefix, "", 1<<30)
	if l.fault == countsEvents {
		slices.SortFunc(entries, func(a, b eventlog.Entry) int { return cmp.Compare(a.Event.Position, b.Event.Position) })
		entries = slices.CompactFunc(entries, func(a, b eventlog.Entry) bool { return a.Event.Position == b.Event.Position })
	}
	return uint64(len(entries)), err
}
