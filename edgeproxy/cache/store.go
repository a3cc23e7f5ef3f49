package cache

import (
	"math"
	"slices"

	"github.com/maypok86/otter/v2"
)

const (
	// maxVariants bounds what one URL may take, and the search among it, where an
	// origin varies by a field that clients fill as they like.
	maxVariants = 16
	// wholeWeight is the weight of a full store.
	wholeWeight = 1 << 31
)

// store holds complete entries by URL, those likely to be asked for again.
//
// One weight keeps both bounds: an entry weighs its share of the bytes or its
// share of the entries, whichever is more.
type store struct {
	resources            *otter.Cache[string, *resource]
	maxBytes, maxEntries float64
}

// resource is what is stored for a URL, the latest fetch first. It does not
// change.
type resource struct{ variants []*Entry }

func newStore(maxBytes, maxEntries int64) *store {
	s := &store{maxBytes: float64(maxBytes), maxEntries: float64(maxEntries)}
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

func (s *store) get(url string) *resource {
	r, _ := s.resources.GetIfPresent(url)
	return r
}

// put stores an entry in place of those that answer the same requests, unless one
// of them was fetched later.
func (s *store) put(e *Entry) {
	s.resources.Compute(e.place.url, func(old *resource, found bool) (*resource, otter.ComputeOp) {
		if !found {
			return &resource{[]*Entry{e}}, otter.WriteOp
		}
		variants := old.with(e)
		if variants == nil {
			return old, otter.CancelOp
		}
		return &resource{variants}, otter.WriteOp
	})
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
	slices.SortStableFunc(variants, func(a, b *Entry) int { return b.beganAt.Compare(a.beganAt) })
	return variants[:min(len(variants), maxVariants)]
}

func (s *store) remove(url string) { s.resources.Invalidate(url) }

// len counts URLs, about.
func (s *store) len() int { return s.resources.EstimatedSize() }
