package logtest

import (
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/ringcast/ringcast/controlplane"
	"github.com/ringcast/ringcast/controlplane/eventlog"
)

// model is what a log means: all that ever happened, and what was dropped of it
// since. Everything else is found by looking through that.
type model struct {
	retention eventlog.Retention
	units     []controlplane.Unit
	dropped   map[uint64]bool
	head      eventlog.Head
}

func newModel(retention eventlog.Retention, epoch string) *model {
	return &model{
		retention: retention.WithDefaults(),
		dropped:   make(map[uint64]bool),
		head:      eventlog.Head{Epoch: epoch},
	}
}

// modelState is the model as a decision sees it.
type modelState struct {
	*model
	now time.Time
}

func (s modelState) Now() time.Time { return s.now }

// Repeated is never so: the model has no requests.
func (s modelState) Repeated(int) bool { return false }

func (s modelState) Latest(entity string) (controlplane.Event, bool, error) {
	e, ok := s.latest(entity)
	return e, ok && !s.dropped[e.Position], nil
}

func (s modelState) Any(prefix string) (bool, error) {
	for entity, e := range s.at(s.head.Position) {
		if strings.HasPrefix(entity, prefix) && !s.dropped[e.Position] {
			return true, nil
		}
	}
	return false, nil
}

func (m *model) append(decide controlplane.Decision, now time.Time) (eventlog.Receipt, error) {
	events, err := decide(modelState{m, now})
	if err != nil {
		return eventlog.Receipt{}, err
	}
	for i := range events {
		m.head.Position++
		events[i].Position = m.head.Position
	}
	m.units = append(m.units, controlplane.Unit{Position: m.head.Position, Events: events})
	return eventlog.Receipt{Epoch: m.head.Epoch, Position: m.head.Position}, nil
}

// events are all that ever were, up to a position.
func (m *model) events(upTo uint64) []controlplane.Event {
	var events []controlplane.Event
	for _, u := range m.units {
		for _, e := range u.Events {
			if e.Position <= upTo {
				events = append(events, e)
			}
		}
	}
	return events
}

// at is the latest event of each entity at a position.
func (m *model) at(position uint64) map[string]controlplane.Event {
	state := make(map[string]controlplane.Event)
	for _, e := range m.events(position) {
		for _, entity := range e.Entities {
			state[entity] = e
		}
	}
	return state
}

func (m *model) latest(entity string) (controlplane.Event, bool) {
	e, ok := m.at(m.head.Position)[entity]
	return e, ok
}

// left are the units that follow a position, without what was superseded or
// dropped.
func (m *model) left(after uint64) []controlplane.Unit {
	latest := make(map[uint64]bool)
	for _, e := range m.at(m.head.Position) {
		latest[e.Position] = true
	}
	var units []controlplane.Unit
	for _, u := range m.units {
		u.Events = slices.DeleteFunc(slices.Clone(u.Events), func(e controlplane.Event) bool {
			return e.Position <= after || m.dropped[e.Position] || !(e.Moment() || latest[e.Position])
		})
		if len(u.Events) > 0 {
			units = append(units, u)
		}
	}
	return units
}

func (m *model) compact(now time.Time) {
	var moments []controlplane.Event
	for _, u := range m.left(0) {
		for _, e := range u.Events {
			switch {
			case e.Moment():
				moments = append(moments, e)
			case absentFor(e, now) > m.retention.Tombstone:
				m.dropped[e.Position] = true
				m.head.Horizon = max(m.head.Horizon, e.Position)
			}
		}
	}
	for i, e := range moments {
		if excess := len(moments) - m.retention.MomentMax; i < excess || now.Sub(e.Time) > m.retention.Moment {
			m.dropped[e.Position] = true
			m.head.MomentHorizon = e.Position
		}
	}
}

// absentFor is how long all that a state event tells has been an absence;
// negative: it tells more than that.
func absentFor(e controlplane.Event, now time.Time) time.Duration {
	switch {
	case e.Tombstone:
		return now.Sub(e.Time)
	case e.ExpiresAt.IsZero():
		return -1
	default:
		return now.Sub(e.ExpiresAt)
	}
}

// entries is the list of what is live.
func (m *model) entries(now time.Time) []eventlog.Entry {
	state := m.at(m.head.Position)
	var entries []eventlog.Entry
	for _, entity := range slices.Sorted(maps.Keys(live(state, now))) {
		entries = append(entries, eventlog.Entry{Entity: entity, Event: state[entity]})
	}
	return entries
}

// live is the part of a state that is in force, as positions.
func live(state map[string]controlplane.Event, now time.Time) map[string]uint64 {
	out := make(map[string]uint64)
	for entity, e := range state {
		if e.Live(now) {
			out[entity] = e.Position
		}
	}
	return out
}
