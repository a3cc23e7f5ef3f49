package disk

import (
	"cmp"
	"slices"
)

// change is what is to become of the records of one URL: those below an id go,
// then others are put.
type change struct {
	url   string
	below int64    // 0: none go
	puts  []*entry // by id, at most one a variant
}

// entry is a queued record.
type entry struct {
	id, used int64
	record   Record
}

func (c *change) put(e *entry) {
	c.puts = slices.DeleteFunc(c.puts, func(old *entry) bool { return old.record.Variant == e.record.Variant })
	if len(c.puts) == maxVariants {
		c.puts = slices.Delete(c.puts, 0, 1)
	}
	c.puts = append(c.puts, e)
}

func (c *change) remove(below int64) {
	c.below = max(c.below, below)
	c.puts = slices.DeleteFunc(c.puts, func(e *entry) bool { return e.id < below })
}

// above is the least id that none has of what the change puts or removes.
func (c *change) above() int64 {
	if len(c.puts) == 0 {
		return c.below
	}
	return c.puts[len(c.puts)-1].id + 1
}

// replaces tells whether the record on disk goes, which has another or no place
// among the puts.
func (c *change) replaces(id int64, variant string) bool {
	return id < c.below || slices.ContainsFunc(c.puts, func(e *entry) bool { return e.record.Variant == variant })
}

// view is what a lookup has to see of the queue.
type view struct {
	from int64 // records with a lower id are void
	puts []*entry
}

// view must be taken before the file is read: what is committed in between is then
// found twice, and not never.
func (q *queue) view(url string) view {
	q.mu.Lock()
	defer q.mu.Unlock()
	v := view{from: q.floor}
	for _, c := range []*change{q.writing[url], q.waiting[url]} {
		if c != nil {
			v.from = max(v.from, c.below)
			v.puts = append(v.puts, c.puts...)
		}
	}
	return v
}

// over gives the records of a URL, newest first, one a variant.
func (v view) over(stored []Stored) []Stored {
	for _, e := range v.puts {
		if e.id >= v.from {
			stored = append(stored, e.stored())
		}
	}
	if len(stored) < 2 {
		return stored
	}
	slices.SortFunc(stored, func(a, b Stored) int { return cmp.Compare(b.ID, a.ID) })
	seen := map[string]bool{}
	stored = slices.DeleteFunc(stored, func(s Stored) bool {
		older := seen[s.Variant]
		seen[s.Variant] = true
		return older
	})
	return stored[:min(len(stored), maxVariants)]
}

func (e *entry) stored() Stored {
	r := &e.record
	return Stored{
		ID: e.id, URL: r.URL, Variant: r.Variant, Generation: r.Generation, SoftAt: r.SoftAt,
		Head: r.Head, BodySize: int64(len(r.Body)), used: e.used, queued: r,
	}
}
