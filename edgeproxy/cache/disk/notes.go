package disk

import (
	"maps"
	"slices"
	"time"
)

const (
	// UsedEvery is how exactly the file knows when a record was last used: a hit
	// costs no write but for the first of that time.
	UsedEvery = 5 * time.Minute
	// maxNotes bounds the memory of each kind of note; those beyond it are dropped.
	maxNotes = 32768
)

// notes are changes to rows that may get lost: the uses of a record only order
// the eviction, and what fails its checksum does so again.
type notes struct{ used, drops map[int64]struct{} }

func newNotes() notes {
	return notes{used: map[int64]struct{}{}, drops: map[int64]struct{}{}}
}

// Used notes that a record was served. Body does so itself; it is for records
// served without it, from memory or by their head alone, which would otherwise be
// the first to go. Once in UsedEvery is enough.
func (s *Store) Used(id int64) { s.queue.note(func(n *notes) { n.used[id] = struct{}{} }) }

// drop notes that a record is to go. Lookups may find it until that was written.
func (s *Store) drop(id int64) { s.queue.note(func(n *notes) { n.drops[id] = struct{}{} }) }

func (q *queue) note(add func(*notes)) {
	q.mu.Lock()
	defer q.mu.Unlock()
	n := &q.notes
	if q.abandoned || max(len(n.used), len(n.drops)) >= maxNotes {
		return
	}
	add(n)
	// Uses can wait for another batch, but not for ever.
	if len(n.used) >= maxNotes/2 || len(n.drops) > 0 {
		signal(q.wake)
	}
}

// uses and removals give ids in the order of the file.
func (n *notes) uses() []int64     { return slices.Sorted(maps.Keys(n.used)) }
func (n *notes) removals() []int64 { return slices.Sorted(maps.Keys(n.drops)) }

func (n *notes) empty() bool { return len(n.used)+len(n.drops) == 0 }
