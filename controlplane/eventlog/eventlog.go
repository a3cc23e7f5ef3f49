// Package eventlog defines the one ordered, compacted log that every mutation
// goes through.
//
// The log keeps the latest state event of each entity for good, and moment
// events for a retention. It is therefore its own snapshot: a read from nothing
// is the whole state, a read from N is exactly what changed after N, and its
// cost is bounded by the live state, not by history.
//
// What was dropped without a successor is known by two horizons, one for state
// events and one for moment events: a read from a position at or above a
// horizon misses nothing of its kind.
//
// The package is an interface with several implementations; package logtest
// holds the suite that each must pass.
package eventlog

import (
	"context"
	"errors"
	"time"

	"github.com/ringcast/ringcast/controlplane"
)

// Retentions with which every implementation starts unless told otherwise.
const (
	// TombstoneRetention is how long an absence is remembered. An edge that was
	// away for less resumes without a reset.
	TombstoneRetention = 168 * time.Hour
	// MomentRetention is how long moment events can be read.
	MomentRetention = 24 * time.Hour
	// MomentMax bounds the moment events kept, so that a burst of them cannot
	// fill the disk within the retention.
	MomentMax = 1_000_000
	// RequestRetention is how long a request id is remembered.
	RequestRetention = 24 * time.Hour
	// AuditRetention is how long audit records are kept.
	AuditRetention = 90 * 24 * time.Hour
)

// MaxUnit is the most events in a unit. It bounds what a reader must hold back
// until a unit is complete.
const MaxUnit = 100

// PageBytes is how much data the events of a page have, in bytes, when it ends: with the
// unit that reaches it. It bounds what each of many readers takes in memory.
const PageBytes = 4 << 20

// Errors of a Log.
var (
	// ErrRequestReused: the request id was used before, for another request.
	ErrRequestReused = errors.New("request id was used before for another request")
	// ErrClosed: the log is closed.
	ErrClosed = errors.New("log is closed")
)

// ReusedError is an ErrRequestReused that says which requests of an append it is
// about, so that the others can be appended without them.
type ReusedError struct {
	// Requests are the indices of all such requests, at least one, ascending.
	Requests []int
}

// Error implements error.
func (e *ReusedError) Error() string { return ErrRequestReused.Error() }

// Unwrap returns ErrRequestReused.
func (e *ReusedError) Unwrap() error { return ErrRequestReused }

// Retention says for how long a log keeps what it could forget. A zero field
// means the constant of that name.
type Retention struct {
	Tombstone time.Duration
	Moment    time.Duration
	MomentMax int
	Request   time.Duration
	Audit     time.Duration
}

// WithDefaults returns r with its zero fields set.
func (r Retention) WithDefaults() Retention {
	setDefault(&r.Tombstone, TombstoneRetention)
	setDefault(&r.Moment, MomentRetention)
	setDefault(&r.MomentMax, MomentMax)
	setDefault(&r.Request, RequestRetention)
	setDefault(&r.Audit, AuditRetention)
	return r
}

func setDefault[T comparable](field *T, value T) {
	var zero T
	if *field == zero {
		*field = value
	}
}

// Request is a caller's wish behind an append. It is recorded in the audit and,
// where it has an ID, remembered so that a repeat changes nothing. The answer to
// every mutation is its epoch and position, so these are what is remembered.
type Request struct {
	// Principal is who asks, from Address. IDs are unique per principal.
	Principal string
	Address   string
	// RPC is the full method name.
	RPC string
	// ID is the caller's request id; empty: a repeat is a new request.
	ID string
	// Digest identifies the request's content, the RPC included.
	Digest [32]byte
	// Detail is the request for the audit, as JSON without secrets.
	Detail string
}

// Receipt is where a request's unit is durable.
type Receipt struct {
	Epoch string
	// Position is that of the unit's last event.
	Position uint64
	// Repeated says that the request had been made before, and that this is the
	// answer from then.
	Repeated bool
}

// Head is a log's identity and extent.
type Head struct {
	Epoch string
	// Position is the last position given; a new log has 0.
	Position uint64
	// Horizon is the highest position of a state event dropped without a
	// successor, MomentHorizon that of a moment event dropped.
	Horizon       uint64
	MomentHorizon uint64
}

// Page is part of the log, read in one transaction together with its head.
type Page struct {
	Head Head
	// Units are in order. Superseded events are left out, and units of which
	// nothing is left.
	Units []controlplane.Unit
	// Next is where the following page begins: the position up to which this
	// one tells all. It equals Head.Position when the page ends the log.
	Next uint64
}

// Log is the one order of all mutations. Its methods may be called
// concurrently. Errors other than those named mean that the log cannot be used
// at the moment (disk full, damaged, no quorum); a refusal by a decision is
// returned as it is.
type Log interface {
	// Append runs decide at the head and appends the events that it returns, 1
	// to MaxUnit, as one unit, together with the requests (at least one) and
	// their audit records, all or nothing. It returns once all is durable, with
	// a receipt for each request. Where every request is a repeat nothing is
	// appended; where some are, their receipts are the first ones.
	//
	// No two requests of an append have one principal and id.
	//
	// A refusal is not remembered. Errors: a ReusedError, ErrClosed, decide's own,
	// and the context's, after which the outcome is unknown.
	Append(ctx context.Context, decide controlplane.Decision, requests ...Request) ([]Receipt, error)

	// Head returns the log's extent, everything acknowledged included.
	Head(ctx context.Context) (Head, error)

	// Read returns about limit events (at least one unit) that follow a
	// position, fewer where they are large. A unit is never cut.
	Read(ctx context.Context, after uint64, limit int) (Page, error)

	// Latest returns the latest event of each entity that has one, live or not,
	// in the order asked.
	Latest(ctx context.Context, entities ...string) ([]controlplane.Event, error)

	// List returns up to limit live events, the latest of their entities, whose
	// entity begins with prefix and follows after, in the order of entities.
	List(ctx context.Context, prefix, after string, limit int) ([]Entry, error)

	// Count returns how many entities that begin with prefix are live.
	Count(ctx context.Context, prefix string) (uint64, error)

	// Audit returns the records of the requests that were accepted and whose
	// retention has not passed, a page at a time. What a retention allows to be
	// dropped may still be there.
	Audit(ctx context.Context, query AuditQuery) (AuditPage, error)

	// Compact drops what its retention allows, and raises the horizons in the
	// same transactions.
	Compact(ctx context.Context) error
}

// Entry is a live entity of a list.
type Entry struct {
	Entity string
	Event  controlplane.Event
}
