// Package ring keeps the recent units as encoded frames, in memory, for all
// readers at once.
//
// A unit is encoded when it is appended and never again. A reader holds no more
// than its position; one that falls behind the ring reads the log instead. So a
// slow reader costs no memory and delays nobody.
package ring

import (
	"fmt"
	"slices"
	"sort"
	"sync"

	"github.com/ringcast/ringcast/controlplane"
)

// The bounds with which a ring starts unless told otherwise.
const (
	// DefaultUnits bounds the units kept.
	DefaultUnits = 10_000
	// DefaultBytes bounds the memory of their events and frames.
	DefaultBytes = 64 << 20
)

// Ring is the recent end of a log. Its methods may be called concurrently.
type Ring struct {
	epoch              string
	maxUnits, maxBytes int

	mu sync.RWMutex // guards what follows
	// units are in order of position; the first is dropped first.
	units   []entry
	bytes   int
	floor   uint64 // a reader at or above it is served from here
	last    uint64
	changed chan struct{} // closed at the next append

	viewsMu sync.Mutex         // guards views
	views   map[string]*shared // by the key of their filter
}

// entry is a unit as each kind of reader sees it.
type entry struct {
	position uint64
	frames   [len(kinds)][]byte
	unit     controlplane.Unit // of which filters pick
	size     int
}

// kinds are the audiences that are encoded apart. Those that hear the same
// share the bytes.
var kinds = [...]controlplane.Audience{controlplane.Edges, controlplane.Subscribers, controlplane.ControlPlanes}

// New returns an empty ring that goes on from a log's head. Bounds of 0 mean the
// defaults.
func New(epoch string, head uint64, maxUnits, maxBytes int) *Ring {
	if maxUnits == 0 {
		maxUnits = DefaultUnits
	}
	if maxBytes == 0 {
		maxBytes = DefaultBytes
	}
	return &Ring{
		epoch: epoch, maxUnits: maxUnits, maxBytes: maxBytes,
		floor: head, last: head, changed: make(chan struct{}), views: make(map[string]*shared),
	}
}

// Append adds units, which must follow those that the ring has seen, and wakes
// all who wait. After an error none of them was added.
func (r *Ring) Append(units []controlplane.Unit) error {
	entries := make([]entry, 0, len(units))
	for _, unit := range units {
		e, err := encode(r.epoch, unit)
		if err != nil {
			return err
		}
		entries = append(entries, e)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	last := r.last
	for _, e := range entries {
		if e.position <= last {
			return fmt.Errorf("append to ring: position %d does not follow %d", e.position, last)
		}
		last = e.position
	}
	for _, e := range entries {
		r.units = append(r.units, e)
		r.bytes += e.size
	}
	r.last = last
	r.evict()
	close(r.changed)
	r.changed = make(chan struct{})
	return nil
}

// evict drops the oldest units beyond the bounds. The caller holds mu.
func (r *Ring) evict() {
	n := 0
	for n < len(r.units) && (len(r.units)-n > r.maxUnits || r.bytes > r.maxBytes) {
		r.floor = r.units[n].position
		r.bytes -= r.units[n].size
		n++
	}
	clear(r.units[:n])
	r.units = r.units[n:]
}

// Epoch names the log.
func (r *Ring) Epoch() string { return r.epoch }

// Head returns the position of the last unit appended.
func (r *Ring) Head() uint64 {
	r.mu.RLock()
	defer r.mu.RUnlock()
	return r.last
}

// Changed returns a channel that is closed at the next append. Take it before
// Read, and wait for it when Read had nothing.
func (r *Ring) Changed() <-chan struct{} {
	r.mu.RLock()
	defer r.mu.RUnlock()
	return r.changed
}

// Batch is a stretch of the ring as one audience sees it.
type Batch struct {
	// Frames are shared: nobody may write to them.
	Frames [][]byte
	// Told is the id that the last of the frames bears; 0 where there is none.
	Told uint64
	// Next is the position up to which the frames tell all.
	Next uint64
}

// Read returns what follows a position for one of the kinds of readers, up to
// about maxBytes and appended to dst. ok is false where the ring no longer reaches back to the position: then
// the log has to be read.
func (r *Ring) Read(dst [][]byte, after uint64, audience controlplane.Audience, maxBytes int) (b Batch, ok bool) {
	kind := slices.Index(kinds[:], audience)
	b = Batch{Frames: dst, Next: after}
	r.mu.RLock()
	defer r.mu.RUnlock()
	if after < r.floor {
		return b, false
	}
	for size, i := 0, r.following(after); i < len(r.units) && size < maxBytes; i++ {
		unit := &r.units[i]
		b.Next = unit.position
		if frame := unit.frames[kind]; frame != nil {
			b.Frames = append(b.Frames, frame)
			b.Told = unit.position
			size += len(frame)
		}
	}
	return b, true
}

// entries copies some of the units that follow a position. ok is as for Read.
func (r *Ring) entries(after uint64, most int) (list []entry, ok bool) {
	r.mu.RLock()
	defer r.mu.RUnlock()
	if after < r.floor {
		return nil, false
	}
	i := r.following(after)
	return slices.Clone(r.units[i:min(i+most, len(r.units))]), true
}

// oldest is the position from which the ring has everything.
func (r *Ring) oldest() uint64 {
	r.mu.RLock()
	defer r.mu.RUnlock()
	return r.floor
}

// following finds the first unit after a position. The caller holds mu.
func (r *Ring) following(after uint64) int {
	return sort.Search(len(r.units), func(i int) bool { return r.units[i].position > after })
}
