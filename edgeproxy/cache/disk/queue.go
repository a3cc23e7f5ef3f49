package disk

import "sync"

const (
	// maxQueuedBytes and maxQueued bound the memory of records that wait for a slow
	// disk. What comes beyond is not stored.
	maxQueuedBytes = 64 << 20
	maxQueued      = 16384
	// maxRemovalBytes bounds the memory of removals that wait. Beyond it, everything
	// is removed: that is one number.
	maxRemovalBytes = 16 << 20
	// removalOverhead is about what a removal takes in memory beside its URL.
	removalOverhead = 192
	// maxVariants bounds what one URL may take, and what one lookup reads.
	maxVariants = 16
	// batchBytes and batchChanges bound a transaction, and so what a failed one
	// loses, how far the write-ahead log grows and how long a flush takes.
	batchBytes   = 8 << 20
	batchChanges = 512
)

// queue is what was asked for and is not committed yet. Changes take their turn
// by URL, and a later one of a URL joins that which still waits.
type queue struct {
	// wake tells the writer that something waits, and full that it fills a batch.
	wake, full chan struct{}

	mu sync.Mutex // guards all below
	// last is the id given last. Removals take one too: ids tell what came first.
	last int64
	// floor is the id below which all records are void, and written the one that the
	// file knows.
	floor, written int64
	// order has the changes of waiting, oldest first.
	order   []*change
	waiting map[string]*change
	writing map[string]*change
	notes   notes
	// stopped refuses records, and abandoned everything.
	stopped, abandoned bool

	load, writingLoad load
	dropped           int64

	// ended counts the changes that were taken and are done with, failed the batches
	// that were not written. ending is closed when these or stopped have changed.
	ended, failed int64
	ending        chan struct{}
}

// load is what changes take: records and removals are bounded apart, so that
// records never stand in the way of a removal.
type load struct{ records, bytes, removalBytes int64 }

func newQueue(last, floor int64) *queue {
	return &queue{
		wake: make(chan struct{}, 1), full: make(chan struct{}, 1),
		last: last, floor: floor, written: floor, waiting: map[string]*change{}, notes: newNotes(),
		ending: make(chan struct{}),
	}
}

// put queues a record that was used at used, in Unix seconds.
func (q *queue) put(r Record, used int64) (id int64, ok bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	bytes := size(&r)
	if q.stopped || q.load.records+q.writingLoad.records >= maxQueued ||
		q.load.bytes+q.writingLoad.bytes+bytes > maxQueuedBytes {
		q.dropped++
		return 0, false
	}
	q.last++
	q.alter(r.URL, func(c *change) { c.put(&entry{id: q.last, used: used, record: r}) })
	return q.last, true
}

// remove queues a removal, in place of the records that wait for the same URL.
func (q *queue) remove(url string) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.last++
	q.removeBelow(url, q.last)
}

func (q *queue) removeBelow(url string, id int64) {
	if q.abandoned {
		return
	}
	q.alter(url, func(c *change) { c.remove(id) })
	if q.load.removalBytes+q.writingLoad.removalBytes > maxRemovalBytes {
		q.voidAll()
	}
}

// clear voids all that was put before.
func (q *queue) clear() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.voidAll()
}

func (q *queue) voidAll() {
	q.last++
	q.floor = q.last
	q.drain()
	signal(q.wake)
}

func (q *queue) drain() {
	q.ended += int64(len(q.order))
	q.announce()
	q.order, q.waiting, q.load = nil, map[string]*change{}, load{}
}

// alter changes what waits for a URL.
func (q *queue) alter(url string, alter func(*change)) {
	c := q.waiting[url]
	if c == nil {
		c = &change{url: url}
		q.waiting[url] = c
		q.order = append(q.order, c)
	}
	q.load.add(c, -1)
	alter(c)
	q.load.add(c, +1)
	signal(q.wake)
	if q.fills() {
		signal(q.full)
	}
}

func (q *queue) fills() bool { return len(q.order) >= batchChanges || q.load.bytes >= batchBytes }

// stop refuses records from now on. Removals still take effect for lookups.
func (q *queue) stop() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.stopped = true
	q.announce()
}

// announce tells who waits for the end of something to look again.
func (q *queue) announce() {
	close(q.ending)
	q.ending = make(chan struct{})
}

// abandon drops everything and takes nothing more.
func (q *queue) abandon() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.dropped += q.load.records
	q.stopped, q.abandoned = true, true
	q.notes, q.written = newNotes(), q.floor
	q.drain()
}

func (q *queue) stats() Stats {
	q.mu.Lock()
	defer q.mu.Unlock()
	return Stats{
		Queued:      q.load.records + q.writingLoad.records,
		QueuedBytes: q.load.bytes + q.writingLoad.bytes,
		Dropped:     q.dropped,
	}
}

func (l *load) add(c *change, sign int64) {
	for _, e := range c.puts {
		l.records += sign
		l.bytes += sign * size(&e.record)
	}
	if c.below > 0 {
		l.removalBytes += sign * int64(removalOverhead+len(c.url))
	}
}

// signal leaves word in a channel of one place.
func signal(c chan<- struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}

// refuse counts a record that is not queued.
func (q *queue) refuse() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.dropped++
}
