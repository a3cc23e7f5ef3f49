package cache

import (
	"hash/fnv"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/ringcast/ringcast/edgeproxy/cache/disk"
)

// entryOverhead is what an entry takes beside its fields and body: its own
// structures and its part of the maps, rounded up.
const entryOverhead = 512

// Entry is a response that is stored or on the way to be. It does not change but
// for what the cache notes about it.
type Entry struct {
	place     place
	variant   variant
	status    int
	fields    []Field
	tags      []string
	freshness freshness
	// date is the response's Date, or when it came.
	date       time.Time
	validators validators
	// began and beganAt are the generation and the time at which its fetch began.
	began   uint64
	beganAt time.Time

	// body and length are set once it is complete, and whole with them. Until then
	// the body may be that of row, on disk.
	body   []byte
	length []string
	whole  bool
	row    *disk.Stored

	// put counts the entries that were put before it, and itself; 0 for those of before
	// the start.
	put uint64
	// checked is the generation at which no hard fence covered it, softAt what its
	// verdict said then; see verdict.
	checked atomic.Uint64
	softAt  atomic.Int64
	// rowID is the entry's on disk, 0 for none; usedAt, in Unix nanoseconds, is when
	// the disk was last told of its use.
	rowID, usedAt atomic.Int64
	// refreshing: a refresh in the background is on its way.
	refreshing atomic.Bool
}

// Status is the status code.
func (e *Entry) Status() int { return e.status }

// Fields are the header without Age and Content-Length, ordered by name.
func (e *Entry) Fields() []Field { return e.fields }

// Body is the content of a stored response; it must not be changed.
func (e *Entry) Body() []byte { return e.body }

// ContentLength is the value of that field for a stored response, empty where the
// status forbids one (RFC 9110, section 8.6).
func (e *Entry) ContentLength() []string { return e.length }

// Generation is that at which the entry's fetch began.
func (e *Entry) Generation() uint64 { return e.began }

// Age is the time since the origin made the response.
func (e *Entry) Age(now time.Time) time.Duration { return e.freshness.age(now) }

// seed tells the entry from others and from its successors. It is the same in every
// process, as the entry may be.
func (e *Entry) seed() uint64 {
	h := fnv.New64a()
	h.Write([]byte(e.place.url))
	return h.Sum64() ^ uint64(e.beganAt.UnixNano())
}

func (e *Entry) complete(body []byte) {
	e.body, e.whole = body, true
	if e.status != 204 {
		e.length = []string{strconv.Itoa(len(body))}
	}
}

// bodySize is the length of the body, wherever it is.
func (e *Entry) bodySize() int64 {
	if e.whole {
		return int64(len(e.body))
	}
	return e.row.BodySize
}

// withBody gives a copy that has its body.
func (e *Entry) withBody(body []byte) *Entry {
	w := &Entry{
		place: e.place, variant: e.variant, status: e.status, fields: e.fields, tags: e.tags,
		freshness: e.freshness, date: e.date, validators: e.validators, began: e.began, beganAt: e.beganAt,
		put: e.put,
	}
	w.complete(body)
	w.checked.Store(e.checked.Load())
	w.softAt.Store(e.softAt.Load())
	w.rowID.Store(e.rowID.Load())
	w.usedAt.Store(e.usedAt.Load())
	return w
}

// size is about what the entry takes in memory, in bytes.
func (e *Entry) size() int64 {
	n := entryOverhead + len(e.place.url) + cap(e.body)
	for _, f := range e.fields {
		n += len(f.Name) + 40
		for _, v := range f.Values {
			n += len(v) + 16
		}
	}
	for _, tag := range e.tags {
		n += len(tag) + 16
	}
	for i := range e.variant.names {
		n += len(e.variant.names[i]) + len(e.variant.values[i]) + 32
	}
	return int64(n)
}

// noteSoft keeps the earliest time at which a soft fence was seen to cover the
// entry: a later fence on the same tag must not give it a new grace.
func (e *Entry) noteSoft(at int64) {
	for at != 0 {
		old := e.softAt.Load()
		if old != 0 && old <= at || e.softAt.CompareAndSwap(old, at) {
			return
		}
	}
}

// covered asks the fences about the entry and remembers the answer. generation
// was read before: an invalidation that comes meanwhile makes the next hit ask
// again, as does any later one. drops was read before the entry was looked up: if
// fences went since, the one that covers it may have.
func (e *Entry) covered(f *Fences, generation, drops uint64) (hard bool, softAt int64) {
	if e.checked.Load() == generation {
		return false, e.softAt.Load()
	}
	v := f.judge(e.began, &e.place, e.tags)
	if v.hard || f.drops.Load() != drops {
		return true, 0
	}
	e.noteSoft(v.softAt)
	e.checked.Store(generation)
	return false, e.softAt.Load()
}
