package follow

import "time"

const (
	// batchEvents bounds the events of one transaction, and so its memory, some 10 MB,
	// and how long anything else waits for the file: about half a second.
	batchEvents = 32_000
	// floodEvents in one transaction are a flood: an import, not somebody's mutation.
	floodEvents = 1_000
	// floodPause is how far apart the transactions of a flood are. Its rows are in no
	// order, so that few of a small transaction share a page: one of ten times as many
	// writes not much more.
	floodPause = time.Second
)

// gathering paces the transactions: at once as long as little comes, and in a flood
// with what comes within floodPause.
type gathering struct {
	held    int       // events held back, an empty unit counting as one
	flooded bool      // the last transaction was of a flood
	flushed time.Time // when it ended
	// due wakes whoever holds events back; nil while nobody has to be woken.
	due <-chan time.Time
}

// add counts a unit, and tells whether what is held back is to be put in force now;
// more tells that more is waiting already. A unit of one event is what somebody just
// asked for, and never waits for a flood.
func (g *gathering) add(events int, more bool) (ready bool) {
	g.held += max(events, 1)
	if more || g.held >= batchEvents {
		return g.held >= batchEvents
	}
	pause := floodPause - time.Since(g.flushed)
	if events <= 1 || !g.flooded || pause <= 0 {
		return true
	}
	if g.due == nil {
		g.due = time.After(pause)
	}
	return false
}

// done begins anew after a transaction.
func (g *gathering) done() {
	*g = gathering{flooded: g.held >= floodEvents, flushed: time.Now()}
}
