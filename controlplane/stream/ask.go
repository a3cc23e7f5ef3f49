package stream

import (
	"math/rand/v2"
	"time"
)

// EdgeStream is an edge's stream as the fleet knows it.
type EdgeStream interface {
	// Asked gives a position that the edge is to report once it has it in force; 0: none.
	// It is to be asked at a random moment within the time given. changed is closed when
	// there may be something new to ask.
	Asked() (position uint64, within time.Duration, changed <-chan struct{})
	// Close notes that the stream has ended.
	Close()
}

// asker knows when an edge is to be asked to report. That of another reader never does.
type asker struct {
	edge    EdgeStream // nil: no edge
	changed <-chan struct{}
	asked   uint64 // the position asked for last
	timer   *time.Timer
}

// look finds out whether there is something to ask. What comes up until the question is
// put is asked along with it.
func (a *asker) look() {
	if a.edge == nil {
		return
	}
	position, within, changed := a.edge.Asked()
	a.changed = changed
	if position > a.asked && a.timer == nil {
		a.timer = time.NewTimer(rand.N(within + 1))
	}
}

// due says that the question is to be put.
func (a *asker) due() <-chan time.Time {
	if a.timer == nil {
		return nil
	}
	return a.timer.C
}

// question gives the position to ask for; 0 where it has come up by itself.
func (a *asker) question() uint64 {
	a.timer = nil
	position, _, changed := a.edge.Asked()
	a.changed = changed
	if position <= a.asked {
		return 0
	}
	a.asked = position
	return position
}

func (a *asker) stop() {
	if a.timer != nil {
		a.timer.Stop()
	}
}
