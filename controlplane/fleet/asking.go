package fleet

import (
	"time"

	"github.com/ringcast/ringcast/internal/wire"
)

const (
	// promptFleet is the number of edges that may all report at the same moment.
	promptFleet = 32
	// promptGap is about the time that a report takes of the control plane. A larger
	// fleet is asked over as long as its reports take.
	promptGap = 100 * time.Microsecond
)

// asking is what edges are asked to report. The fleet's mu guards it.
type asking struct {
	// position is the highest that somebody waits for; 0: nobody waits.
	position uint64
	// changed is closed when it rises.
	changed chan struct{}
}

// ask is called with mu held, after the waits have changed. It wakes the streams where
// there is something new to ask.
func (f *Fleet) ask() {
	before := f.asked.position
	f.asked.position = 0
	for w := range f.waits {
		f.asked.position = max(f.asked.position, w.At.Position)
	}
	if f.asked.position > before {
		close(f.asked.changed)
		f.asked.changed = make(chan struct{})
	}
}

// Stream is an open stream of an edge. Close it when it has ended.
type Stream struct {
	fleet  *Fleet
	member *member
}

// Asked gives a position that the edge should report as soon as it has it in force; 0
// where it need not. The question is to be put at a random moment within the time given,
// so that a large fleet does not answer at once. changed is closed when there may be
// something new to ask.
func (s *Stream) Asked() (position uint64, within time.Duration, changed <-chan struct{}) {
	f := s.fleet
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.asked.position == 0 || s.member.has(wire.Cursor{Epoch: f.epoch, Position: f.asked.position}) {
		return 0, 0, f.asked.changed
	}
	if n := len(f.members); n > promptFleet {
		within = time.Duration(n) * promptGap
	}
	return f.asked.position, within, f.asked.changed
}
