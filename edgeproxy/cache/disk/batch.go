package disk

// batch is what one transaction writes.
type batch struct {
	changes     []*change
	notes       notes
	last, floor int64
}

// take gives what is to be written next. Until done is called with it, lookups
// still see it in the queue.
func (q *queue) take() *batch {
	q.mu.Lock()
	defer q.mu.Unlock()
	b := &batch{notes: q.notes, last: q.last, floor: q.floor}
	q.notes = newNotes()
	q.writing = map[string]*change{}
	for len(q.order) > 0 && len(b.changes) < batchChanges && q.writingLoad.bytes < batchBytes {
		c := q.order[0]
		q.order[0] = nil
		q.order = q.order[1:]
		delete(q.waiting, c.url)
		q.writing[c.url] = c
		q.load.add(c, -1)
		q.writingLoad.add(c, +1)
		b.changes = append(b.changes, c)
	}
	q.leave()
	return b
}

// leave sees to it that the writer comes back for what is left.
func (q *queue) leave() {
	if len(q.order) > 0 {
		signal(q.wake)
	} else {
		q.order = nil
	}
	if q.fills() {
		signal(q.full)
	}
}

// done ends a batch. Where it was not written its records are dropped, and what they
// were to replace is removed: it must not be found in their place. These removals
// take their turn as any others do.
func (q *queue) done(b *batch, written bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	dropped := q.writingLoad.records
	q.ended += int64(len(b.changes))
	defer q.announce()
	q.writing, q.writingLoad = nil, load{}
	if written {
		q.written = b.floor
		return
	}
	q.dropped += dropped
	q.failed++
	for _, c := range b.changes {
		if below := c.above(); below > q.floor {
			q.removeBelow(c.url, below)
		}
	}
}

// idle tells whether nothing waits.
func (q *queue) idle() bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	return len(q.order) == 0 && q.notes.empty() && q.floor == q.written
}

func (b *batch) empty() bool { return len(b.changes) == 0 && b.notes.empty() }
