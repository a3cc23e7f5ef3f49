package cache

import (
	"context"
	"math"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/maypok86/otter/v2"
	"golang.org/x/sync/singleflight"

	"github.com/ringcast/ringcast/edgeproxy/cache/disk"
)

const (
	// maxVariants bounds what one URL may take, and the search among it, where an
	// origin varies by a field that clients fill as they like.
	maxVariants = 16
	// wholeWeight is the weight of a full store.
	wholeWeight = 1 << 31
)

// store holds complete entries by URL: in memory those likely to be asked for
// again, and behind it, where there is a disk, also others. What is not in memory
// is looked for on disk; what is put is on its way there.
//
// One weight keeps both bounds of the memory: an entry weighs its share of the
// bytes or its share of the entries, whichever is more.
type store struct {
	resources            *otter.Cache[string, *resource]
	maxBytes, maxEntries float64
	disk                 *disk.Store // or nil
	exposeTags           bool
	// puts counts what was put and can be found.
	puts atomic.Uint64
	// loads shares the reading of bodies, and sending counts those being sent.
	loads   singleflight.Group
	sending held
	// reading is held by those who take into memory what they found on disk.
	reading sync.RWMutex
}

// resource is what is stored for a URL, the most recent response first (RFC 9111,
// section 4). It does not change. An entry may have its body on disk.
type resource struct{ variants []*Entry }

func newStore(maxBytes, maxEntries int64, d *disk.Store, exposeTags bool) *store {
	s := &store{maxBytes: float64(maxBytes), maxEntries: float64(maxEntries), sending: held{readers: map[*Entry]int{}}, disk: d, exposeTags: exposeTags}
	s.resources = otter.Must(&otter.Options[string, *resource]{
		MaximumWeight: wholeWeight,
		Weigher:       func(_ string, r *resource) uint32 { return s.weigh(r) },
	})
	return s
}

func (s *store) weigh(r *resource) uint32 {
	weight := 0.0
	for _, e := range r.variants {
		share := max(float64(e.size())/s.maxBytes, 1/s.maxEntries)
		weight += math.Ceil(share * wholeWeight)
	}
	return uint32(min(weight, math.MaxUint32))
}

// get gives what is stored for a URL, nil for nothing.
func (s *store) get(url string) *resource {
	if r, found := s.resources.GetIfPresent(url); found || s.disk == nil {
		return r
	}
	return s.read(url)
}

// read looks on disk, and takes what it finds into memory, without bodies.
func (s *store) read(url string) *resource {
	s.reading.RLock()
	defer s.reading.RUnlock()
	// Nobody waits for the disk for long, and what cannot be read is not there, nor
	// will it be: who invalidates it meanwhile finds nothing to do.
	heads, err := s.disk.Heads(context.Background(), url)
	if err != nil {
		s.disk.Remove(url)
		return nil
	}
	var found resource
	for _, head := range heads {
		e, err := decodeHead(head.URL, head.Generation, head.Head)
		if err != nil {
			continue
		}
		if !s.exposeTags { // an earlier run may have
			e.fields = slices.DeleteFunc(e.fields, func(f Field) bool { return slices.Contains(tagFields, f.Name) })
		}
		e.row = &head
		e.rowID.Store(head.ID)
		e.softAt.Store(head.SoftAt)
		found.variants = append(found.variants, e)
	}
	if len(found.variants) == 0 {
		return nil
	}
	sortByDate(found.variants)
	r, _ := s.resources.SetIfAbsent(url, &found)
	return r
}

// since tells whether something was put for a URL after the first so many.
func (s *store) since(url string, puts uint64) bool {
	if s.puts.Load() == puts {
		return false
	}
	r, _ := s.resources.GetIfPresent(url)
	return r != nil && slices.ContainsFunc(r.variants, func(e *Entry) bool { return e.put > puts })
}

// settle returns when whatever was found on disk before is in memory.
func (s *store) settle() {
	s.reading.Lock()
	defer s.reading.Unlock() // there is nobody to keep out any longer
}

// load gives an entry with its body, from disk where it is not in memory, nil
// where it is gone or there is no room for it. All who load it at once get the same.
func (s *store) load(e *Entry) *Entry {
	if e.whole {
		return e
	}
	if s.crowded() {
		return nil
	}
	whole, _, _ := s.loads.Do(strconv.FormatInt(e.row.ID, 10), func() (any, error) { return s.loadNow(e), nil })
	return whole.(*Entry)
}

func (s *store) loadNow(e *Entry) *Entry {
	body, err := s.disk.Body(context.Background(), *e.row)
	if err != nil {
		s.forget(e)
		return nil
	}
	whole := e.withBody(body)
	s.replace(e, whole)
	return whole
}

// put stores an entry in place of those that answer the same requests, unless one
// of them was fetched later. One at a time is put.
func (s *store) put(e *Entry) {
	e.put = s.puts.Load() + 1
	defer s.puts.Store(e.put)
	if s.disk != nil {
		s.get(e.place.url) // the other variants
	}
	stored := true
	s.resources.Compute(e.place.url, func(old *resource, found bool) (*resource, otter.ComputeOp) {
		if !found {
			return &resource{[]*Entry{e}}, otter.WriteOp
		}
		variants := old.with(e)
		if stored = variants != nil; !stored {
			return old, otter.CancelOp
		}
		return &resource{variants}, otter.WriteOp
	})
	if stored {
		s.write(e)
	}
}

// write puts an entry on its way to the disk. Where there is no room on that way an
// older response must not be found there later.
func (s *store) write(e *Entry) {
	if s.disk == nil {
		return
	}
	id, queued := s.disk.Put(disk.Record{
		URL: e.place.url, Variant: e.variant.id(), Generation: e.began, SoftAt: e.softAt.Load(),
		Head: e.head(), Body: e.body,
	})
	if !queued {
		s.disk.Remove(e.place.url)
		return
	}
	e.rowID.Store(id)
}

func (r *resource) with(e *Entry) []*Entry {
	variants := []*Entry{e}
	for _, old := range r.variants {
		if !old.variant.equal(&e.variant) {
			variants = append(variants, old)
		} else if old.beganAt.After(e.beganAt) {
			return nil
		}
	}
	sortByDate(variants)
	return variants[:min(len(variants), maxVariants)]
}

func sortByDate(variants []*Entry) {
	slices.SortStableFunc(variants, func(a, b *Entry) int { return b.date.Compare(a.date) })
}

// replace puts an entry in place of another, if that is still stored.
func (s *store) replace(e, by *Entry) {
	s.resources.ComputeIfPresent(e.place.url, func(old *resource) (*resource, otter.ComputeOp) {
		i := slices.Index(old.variants, e)
		if i < 0 {
			return old, otter.CancelOp
		}
		variants := slices.Clone(old.variants)
		variants[i] = by
		return &resource{variants}, otter.WriteOp
	})
}

// forget removes one entry from memory, if it is still there.
func (s *store) forget(e *Entry) {
	s.resources.ComputeIfPresent(e.place.url, func(old *resource) (*resource, otter.ComputeOp) {
		variants := slices.DeleteFunc(slices.Clone(old.variants), func(v *Entry) bool { return v == e })
		switch len(variants) {
		case 0:
			return nil, otter.InvalidateOp
		case len(old.variants):
			return old, otter.CancelOp
		}
		return &resource{variants}, otter.WriteOp
	})
}

// drop removes an entry for good, and what else the disk has for its URL: the
// others come back from memory when they are next stored.
func (s *store) drop(e *Entry) {
	s.forget(e)
	if s.disk != nil {
		s.disk.Remove(e.place.url)
	}
}

func (s *store) remove(url string) {
	if s.disk != nil {
		s.disk.Remove(url)
		s.settle()
	}
	s.resources.Invalidate(url)
}

func (s *store) clear() {
	if s.disk != nil {
		s.disk.Clear()
		s.settle()
	}
	s.resources.InvalidateAll()
}

// used tells the disk that an entry is worth keeping.
func (s *store) used(e *Entry, now time.Time) {
	if s.disk == nil {
		return
	}
	last := e.usedAt.Load()
	if now.UnixNano()-last >= int64(disk.UsedEvery) && e.usedAt.CompareAndSwap(last, now.UnixNano()) {
		s.disk.Used(e.rowID.Load())
	}
}

// len counts URLs in memory, about.
func (s *store) len() int { return s.resources.EstimatedSize() }
