package follow

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/ringcast/ringcast/edgeproxy"
	"github.com/ringcast/ringcast/internal/sse"
	"github.com/ringcast/ringcast/internal/wire"
)

var (
	// errShutdown ends a stream whose server is about to stop.
	errShutdown = errors.New("server shuts down")
	// errProtocol is wrapped where a stream breaks its own rules.
	errProtocol = errors.New("stream breaks the protocol")
)

// The kinds of items.
const (
	itemUnit = iota
	itemReset
	itemSynced
	itemGap
	itemReport
	itemHeartbeat
	itemFailure
)

// item is what the reader hands over, in the order of the stream.
type item struct {
	kind int
	// read is when the stream brought it.
	read time.Time
	unit edgeproxy.Unit
	// epoch and position of a synced or a report.
	at wire.Cursor
	// age of a heartbeat.
	age time.Duration
	// reason of a reset.
	reason string
	// err of a failure: what came before it still counts.
	err error
}

// reader turns the bytes of a stream into items.
type reader struct {
	ctx     context.Context
	idle    *sse.IdleReader
	items   chan<- item
	unknown func(eventType string)
	expect  func(silence time.Duration)

	presented string // epoch that the request gave; "" if none
	epoch     string // "" until connected
	foreign   bool   // the stream is of another log than presented, and not reset yet
	pending   []any
}

// run reads until the stream ends. A stream that ends by itself is an error.
func (r *reader) run() error {
	parser := sse.NewParser(r.idle, sse.Options{OnComment: r.comment})
	for {
		event, err := parser.Next()
		if err != nil {
			return fmt.Errorf("read stream: %w", err)
		}
		if err := r.event(event); err != nil {
			r.send(item{kind: itemFailure, err: err})
			return err
		}
		if r.ctx.Err() != nil {
			return r.ctx.Err()
		}
	}
}

// send hands an item over, unless nobody is there to take it any more.
func (r *reader) send(i item) {
	i.read = time.Now()
	select {
	case r.items <- i:
	case <-r.ctx.Done():
	}
}

func (r *reader) comment(text []byte) {
	if age, ok := wire.ParseHeartbeat(string(text)); ok {
		r.send(item{kind: itemHeartbeat, age: age})
	}
}

func (r *reader) event(e sse.Event) error {
	if err := r.inOrder(e.Type); err != nil {
		return err
	}
	switch e.Type {
	case wire.FrameConnected:
		return r.connected(e.Data)
	case wire.FrameReset:
		var reset wire.Reset
		return r.control(e, &reset, func() item { return item{kind: itemReset, reason: reset.Reason} })
	case wire.FrameSynced:
		var synced wire.Synced
		return r.control(e, &synced, func() item { return item{kind: itemSynced, at: r.at(synced.Position)} })
	case wire.FrameGap:
		var gap wire.Gap
		return r.control(e, &gap, func() item { return item{kind: itemGap} })
	case wire.FrameReport:
		var report wire.Report
		return r.control(e, &report, func() item { return item{kind: itemReport, at: r.at(report.Position)} })
	case wire.FrameShutdown:
		return errShutdown
	case wire.FramePosition:
		return r.endUnit(e)
	default:
		return r.unitEvent(e)
	}
}

func (r *reader) at(position uint64) wire.Cursor {
	return wire.Cursor{Epoch: r.epoch, Position: position}
}

// inOrder refuses what comes too early. Positions of another log mean nothing to
// the state at hand: until a reset replaces it, nothing of that log may touch it.
func (r *reader) inOrder(frame string) error {
	switch {
	case frame == wire.FrameConnected:
	case r.epoch == "":
		return fmt.Errorf("%w: %s before %s", errProtocol, frame, wire.FrameConnected)
	case frame == wire.FrameReset:
		r.foreign = false
	case r.foreign && frame != wire.FrameReport && frame != wire.FrameShutdown:
		return fmt.Errorf("%w: %s of epoch %s before a %s", errProtocol, frame, r.epoch, wire.FrameReset)
	}
	return nil
}

func (r *reader) connected(data []byte) error {
	var connected wire.Connected
	if err := json.Unmarshal(data, &connected); err != nil {
		return fmt.Errorf("%w: %s: %w", errProtocol, wire.FrameConnected, err)
	}
	if connected.Epoch == "" || r.epoch != "" {
		return fmt.Errorf("%w: %s twice or without an epoch", errProtocol, wire.FrameConnected)
	}
	r.epoch, r.foreign = connected.Epoch, connected.Epoch != r.presented
	r.idle.SetTimeout(connected.Silence())
	r.expect(connected.Silence())
	return nil
}

// control decodes a control frame. It may not stand inside a unit.
func (r *reader) control(e sse.Event, into any, made func() item) error {
	if len(r.pending) > 0 {
		return fmt.Errorf("%w: %s inside a unit", errProtocol, e.Type)
	}
	if err := json.Unmarshal(e.Data, into); err != nil {
		return fmt.Errorf("%w: %s: %w", errProtocol, e.Type, err)
	}
	r.send(made())
	return nil
}

// unitEvent takes an event into the unit at hand. One of an unknown type is
// passed over; the position moves on all the same.
func (r *reader) unitEvent(e sse.Event) error {
	event, err := wire.Decode(e.Type, e.Data)
	if err != nil {
		return err
	}
	if event == nil {
		r.unknown(e.Type)
	} else if r.pending = append(r.pending, event); len(r.pending) > wire.MaxUnitEvents {
		return fmt.Errorf("%w: a unit of more than %d events", errProtocol, wire.MaxUnitEvents)
	}
	if e.HasID {
		return r.endUnit(e)
	}
	return nil
}

// endUnit ends the unit at an id.
func (r *reader) endUnit(e sse.Event) error {
	cursor, err := wire.ParseCursor(e.ID)
	if err != nil || !e.HasID || cursor.Epoch != r.epoch {
		return fmt.Errorf("%w: %s with id %q in a stream of epoch %s", errProtocol, e.Type, e.ID, r.epoch)
	}
	r.send(item{kind: itemUnit, unit: edgeproxy.Unit{Position: cursor.Position, Events: r.pending}})
	r.pending = nil
	return nil
}
