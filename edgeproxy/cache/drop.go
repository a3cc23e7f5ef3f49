package cache

import (
	"context"
	"database/sql"
	"fmt"
	"iter"
	"time"
)

const (
	// softKept is how long a soft fence stays: afterwards what it covers goes, as
	// after a hard one.
	softKept = time.Hour
	// dropBatch bounds how many fences go in one transaction, for which others wait.
	dropBatch = 5_000
)

// passable tells whether a fence can go once nothing is left that it covers.
func (f *fence) passable(h horizon) bool {
	soft := f.lastSoft()
	return f.hard <= h.generation && soft.generation <= h.generation &&
		soft.at <= h.at.Add(-softKept).UnixMilli() && f.settleUntil <= h.at.UnixMilli()
}

func (f *fence) lastSoft() grace {
	if len(f.soft) == 0 {
		return grace{}
	}
	return f.soft[len(f.soft)-1]
}

// same tells whether no invalidation has renewed the fence.
func (f *fence) same(g *fence) bool {
	return f.hard == g.hard && f.settleUntil == g.settleUntil && f.lastSoft() == g.lastSoft()
}

// pending counts the fences, that over everything included.
func (f *Fences) pending() int {
	f.mu.RLock()
	defer f.mu.RUnlock()
	n := f.table.size()
	if !f.table.all.same(&fence{}) {
		n++
	}
	return n
}

// passed gives the fences that can go once nothing is left that they cover.
func (f *Fences) passed(h horizon) *table {
	f.mu.RLock()
	defer f.mu.RUnlock()
	passed := newTable()
	for s, fn := range f.table.each() {
		if fn.passable(h) {
			passed.put(s, fn)
		}
	}
	return passed
}

// drop removes fences, but for those that were renewed meanwhile.
func (f *Fences) drop(ctx context.Context, state Updater, passed *table) error {
	batch := make([]selector, 0, dropBatch)
	for s := range passed.each() {
		if batch = append(batch, s); len(batch) == dropBatch {
			if err := f.dropSome(ctx, state, passed, batch); err != nil {
				return err
			}
			batch = batch[:0]
		}
	}
	return f.dropSome(ctx, state, passed, batch)
}

func (f *Fences) dropSome(ctx context.Context, state Updater, passed *table, batch []selector) error {
	err := state.Update(ctx, func(tx *sql.Tx) (func(), error) {
		var gone []selector
		for _, s := range batch {
			was, is := passed.get(s), f.get(s)
			if is.same(&was) {
				gone = append(gone, s)
			}
		}
		if err := deleteFences(ctx, tx, gone); err != nil {
			return nil, err
		}
		return func() { f.forget(gone) }, nil
	})
	if err != nil {
		return fmt.Errorf("drop fences: %w", err)
	}
	return nil
}

func (f *Fences) get(s selector) fence {
	f.mu.RLock()
	defer f.mu.RUnlock()
	return f.table.get(s)
}

// forget is the end of fences. Who looked something up before it must look again.
func (f *Fences) forget(gone []selector) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, s := range gone {
		f.table.remove(s)
	}
	f.drops.Add(1)
}

// each gives all fences.
func (t *table) each() iter.Seq2[selector, fence] {
	return func(yield func(selector, fence) bool) {
		if !t.all.same(&fence{}) && !yield(everything, t.all) {
			return
		}
		for _, kind := range []kind{kindTag, kindKey, kindTagPrefix, kindKeyPrefix} {
			for text, f := range t.of(kind) {
				if !yield(selector{kind, text}, f) {
					return
				}
			}
		}
	}
}

// of gives the fences of a kind, nil for those over everything.
func (t *table) of(k kind) map[string]fence {
	switch k {
	case kindTag:
		return t.tags
	case kindKey:
		return t.keys
	case kindTagPrefix, kindKeyPrefix:
		return t.prefixes(k).fences
	}
	return nil
}

func (t *table) get(s selector) fence {
	if s.kind == kindAll {
		return t.all
	}
	return t.of(s.kind)[s.text]
}

func (t *table) remove(s selector) {
	switch s.kind {
	case kindAll:
		t.all = fence{}
	case kindTagPrefix, kindKeyPrefix:
		t.prefixes(s.kind).remove(s.text)
	default:
		delete(t.of(s.kind), s.text)
	}
}

func (t *table) empty() bool { return t.size() == 0 && t.all.same(&fence{}) }
