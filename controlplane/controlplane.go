// Package controlplane holds the control plane's domain: what a caller may ask
// for (a mutation), what the log records of it (events), and the rules that turn
// one into the other. It does no I/O and knows no transport; the packages below
// it bring a log, a stream and an API, and package server wires them.
package controlplane

import (
	"time"
)

// Audience is a set of readers to whom an event goes.
type Audience uint8

// The kinds of readers.
const (
	// Edges serve traffic.
	Edges Audience = 1 << iota
	// Subscribers are browsers and other programs.
	Subscribers
	// ControlPlanes are other nodes and relays, which keep a log of their own.
	ControlPlanes
	// Listeners are those of the Subscribers that name channels.
	Listeners

	// Everyone is all of them, whether they name channels or not.
	Everyone = Edges | Subscribers | ControlPlanes
)

// Event is a mutation as recorded in the log.
type Event struct {
	// Position is the event's place in the log; the log sets it.
	Position uint64
	// Type and Data are what the stream carries; see package wire.
	Type string
	Data []byte
	// Channel is that of a published event; empty: the event is none.
	Channel string
	// Entities name what a state event is the latest word on. An event without
	// any is a moment event: it matters for a while and is then forgotten.
	Entities []string
	// Tombstone marks a state event that says its entities are absent.
	Tombstone bool
	// Time is when the mutation was accepted, to the second.
	Time time.Time
	// ExpiresAt is when a state event becomes its own tombstone; zero: never.
	ExpiresAt time.Time
	// Audience says who hears it.
	Audience Audience
}

// Moment reports whether e is a moment event.
func (e Event) Moment() bool { return len(e.Entities) == 0 }

// Live reports whether e is a state event that is in force at now.
func (e Event) Live(now time.Time) bool {
	return !e.Moment() && !e.Tombstone && (e.ExpiresAt.IsZero() || e.ExpiresAt.After(now))
}

// Unit is what one caller appended at once; a reader applies it whole.
type Unit struct {
	// Position is that of the unit's last event when it was appended. Events
	// that were superseded since are left out, the last one possibly included.
	Position uint64
	// Events are in the order of their positions.
	Events []Event
}

// State is the log at its head, as a decision sees it.
type State interface {
	// Latest returns the latest event of an entity, live or not; ok is false
	// where the log has none.
	Latest(entity string) (e Event, ok bool, err error)
	// Any reports whether the log has an event, live or not, of any entity that
	// begins with prefix.
	Any(prefix string) (bool, error)
	// Repeated reports whether the append's request of an index is a repeat: what
	// it asks for was recorded when it was first made. Of the requests of an append
	// that is decided on one at least is none.
	Repeated(request int) bool
	// Now is when the mutation is accepted.
	Now() time.Time
}

// Decision turns a mutation into a unit's events, or refuses it with an error.
// It is pure: the log may run it again when the state at the head has changed.
type Decision func(State) ([]Event, error)
