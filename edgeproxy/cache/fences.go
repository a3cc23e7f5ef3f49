package cache

import (
	"sync"
	"sync/atomic"
	"time"
)

const (
	// maxFences bounds the memory and the rows that invalidations of ever new
	// tags and keys may take: about 20 MB. Beyond it one fence over everything
	// replaces all, which empties the cache but stays correct. See maxGraces, too.
	maxFences = 100_000
	// maxPrefixLengths bounds the look-ups that one check makes for prefixes.
	maxPrefixLengths = 256
)

// Fences says which responses invalidations have made unusable. It is the
// cache's part of the edge's state: Load comes first, and the methods that take a
// transaction are called by one writer at a time.
type Fences struct {
	now func() time.Time
	max int

	// mu guards table. A fence is in the table before generation says so.
	mu         sync.RWMutex
	table      *table
	generation atomic.Uint64
	// drops counts the times that fences went; see drop.
	drops atomic.Uint64
}

// NewFences gives fences that cover nothing. now is the edge's clock.
func NewFences(now func() time.Time) *Fences {
	return &Fences{now: now, max: maxFences, table: newTable()}
}

// Generation counts the invalidations in force. A fetch takes it before it
// begins, and a hit before it is checked.
func (f *Fences) Generation() uint64 { return f.generation.Load() }

// Len counts the fences.
func (f *Fences) Len() int {
	f.mu.RLock()
	defer f.mu.RUnlock()
	return f.table.size()
}

func (f *Fences) judge(began uint64, p *place, tags []string) verdict {
	f.mu.RLock()
	defer f.mu.RUnlock()
	return f.table.judge(began, p, tags)
}

// publish puts changes in force, in the order in which they were committed.
func (f *Fences) publish(changes []change) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, c := range changes {
		if c.floor {
			f.table = newTable()
		}
		for _, s := range c.selectors {
			f.table.put(s, c.fence)
		}
		f.generation.Store(c.generation)
	}
}
