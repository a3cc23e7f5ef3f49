package report

import (
	"sync"

	"github.com/ringcast/ringcast/internal/wire"
)

// debts are what calls for a report before its time. They take the same room whatever
// is asked for: once the lowest of several positions was reported, everything above what
// was reported counts as owed, up to the highest.
type debts struct {
	// wake has an element where due may have changed.
	wake chan struct{}

	mu sync.Mutex // guards what follows
	// level: a stream got level, and no report was begun since.
	level bool
	// owed: reports from lowest to highest of the epoch are.
	owed            bool
	epoch           string
	lowest, highest uint64
}

func (d *debts) levelled(at wire.Cursor) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.level = true
	d.add(at)
	d.nudge()
}

func (d *debts) ask(at wire.Cursor) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.add(at)
	d.nudge()
}

func (d *debts) moved() {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.owed {
		d.nudge()
	}
}

// add forgets what is owed of another log: it may never come in force.
func (d *debts) add(at wire.Cursor) {
	if !d.owed || d.epoch != at.Epoch {
		d.owed, d.epoch, d.lowest, d.highest = true, at.Epoch, at.Position, at.Position
		return
	}
	d.lowest, d.highest = min(d.lowest, at.Position), max(d.highest, at.Position)
}

func (d *debts) nudge() {
	select {
	case d.wake <- struct{}{}:
	default:
	}
}

// due tells whether a report is. Where the last one failed, only a stream that got level
// makes it so.
func (d *debts) due(inForce wire.Cursor, working bool) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.level || working && d.owed && d.epoch == inForce.Epoch && inForce.Position >= d.lowest
}

// begin begins a report, and tells whether a stream got level before it.
func (d *debts) begin() (level bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	level, d.level = d.level, false
	return level
}

// pay takes off what was reported.
func (d *debts) pay(reported wire.Cursor) {
	d.mu.Lock()
	defer d.mu.Unlock()
	switch {
	case !d.owed || d.epoch != reported.Epoch || reported.Position < d.lowest:
	case reported.Position >= d.highest:
		d.owed = false
	default:
		d.lowest = reported.Position + 1
	}
}
