package fleet

import (
	"sort"
	"time"
)

// maxRecent bounds the units whose time is remembered to the microsecond.
const maxRecent = 4096

// recent knows when the latest units for edges became durable.
type recent struct {
	units []recentUnit // in order
	// floor is the position from which on units has all.
	floor uint64
	// last is the position of the last unit for edges.
	last uint64
}

type recentUnit struct {
	position uint64
	at       time.Time
}

// begin starts at a head. What is below may have been for edges.
func (r *recent) begin(head uint64) { r.floor, r.last = head, head }

func (r *recent) add(position uint64, at time.Time) {
	if len(r.units) == 2*maxRecent {
		r.floor = r.units[maxRecent-1].position
		r.units = append(r.units[:0], r.units[maxRecent:]...)
	}
	r.units = append(r.units, recentUnit{position, at})
	r.last = position
}

// after gives when the first unit after a position became durable; ok is false where that
// is not remembered or there is none.
func (r *recent) after(position uint64) (at time.Time, ok bool) {
	i := r.following(position)
	if position < r.floor || i == len(r.units) {
		return time.Time{}, false
	}
	return r.units[i].at, true
}

// of gives when the unit at a position became durable; ok is false where that is not
// remembered.
func (r *recent) of(position uint64) (at time.Time, ok bool) {
	if position == 0 {
		return time.Time{}, false
	}
	if i := r.following(position - 1); i < len(r.units) && r.units[i].position == position {
		return r.units[i].at, true
	}
	return time.Time{}, false
}

func (r *recent) following(position uint64) int {
	return sort.Search(len(r.units), func(i int) bool { return r.units[i].position > position })
}

// least is how long ago at least something became durable that is not remembered.
func (r *recent) least(now time.Time) time.Duration {
	if len(r.units) == 0 {
		return 0
	}
	return now.Sub(r.units[0].at)
}
