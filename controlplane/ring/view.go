package ring

import (
	"sync"

	"github.com/ringcast/ringcast/controlplane"
)

// Filter picks what a group of subscribers hears.
type Filter interface {
	// Key is the same for filters that pick the same, and only for those.
	Key() string
	// Pick leaves of a unit what passes. It does not change the unit, and gives it
	// back as it is where all of it passes.
	Pick(controlplane.Unit) controlplane.Unit
}

// Filtered is the audience of which a filter picks.
const Filtered = controlplane.Subscribers | controlplane.Listeners

// maxViews bounds the filters for which the ring keeps frames, and so the memory
// of as many times maxViewBytes. Readers with further ones encode for themselves.
const maxViews = 128

// aloneUnits bounds the units that a reader without frames to share goes through
// at once, so that it lets others have the ring in between.
const aloneUnits = 256

// View is the ring as one reader with a filter sees it. Those with the same filter
// share the work: a unit is picked from and encoded once for all of them.
type View struct {
	ring   *Ring
	filter Filter
	shared *shared // nil: there were too many
	close  func()
}

// View returns the view of a filter. It is to be closed.
func (r *Ring) View(f Filter) *View {
	r.viewsMu.Lock()
	defer r.viewsMu.Unlock()
	v := &View{ring: r, filter: f, close: func() {}}
	s, ok := r.views[f.Key()]
	if !ok && len(r.views) >= maxViews {
		return v
	}
	if !ok {
		s = &shared{ring: r, filter: f}
		r.views[f.Key()] = s
	}
	s.users++
	v.shared, v.close = s, sync.OnceFunc(func() { r.leave(f.Key(), s) })
	return v
}

// Views counts the filters whose readers share something at present.
func (r *Ring) Views() int {
	r.viewsMu.Lock()
	defer r.viewsMu.Unlock()
	return len(r.views)
}

// leave forgets what a filter's readers shared once the last of them is gone.
func (r *Ring) leave(key string, s *shared) {
	r.viewsMu.Lock()
	defer r.viewsMu.Unlock()
	if s.users--; s.users == 0 {
		delete(r.views, key)
	}
}

// Close ends the view. It can be called again.
func (v *View) Close() { v.close() }

// Read is as Ring.Read. It may stop short of the head without a frame, further on
// than it began. The error is that of a unit that cannot be encoded.
func (v *View) Read(dst [][]byte, after uint64, maxBytes int) (b Batch, ok bool, err error) {
	if v.shared != nil {
		if b, done, err := v.shared.read(dst, after, maxBytes); done || err != nil {
			return b, true, err
		}
	}
	return v.readAlone(dst, after, maxBytes)
}

func (v *View) readAlone(dst [][]byte, after uint64, maxBytes int) (b Batch, ok bool, err error) {
	b = Batch{Frames: dst, Next: after}
	entries, ok := v.ring.entries(after, aloneUnits)
	for i, size := 0, 0; i < len(entries) && size < maxBytes; i++ {
		p, err := pick(v.ring.epoch, v.filter, entries[i])
		if err != nil {
			return b, ok, err
		}
		b.Next = p.position
		if p.frame != nil {
			b.Frames = append(b.Frames, p.frame)
			b.Told = p.position
			size += len(p.frame)
		}
	}
	return b, ok, nil
}

// picked is what a filter leaves of a unit.
type picked struct {
	position uint64
	frame    []byte // nil: nothing
	own      int    // bytes of the frame, unless it is one of the ring's
}

// pick encodes what passes of a unit, unless the ring has just that for others.
func pick(epoch string, f Filter, e entry) (picked, error) {
	unit := f.Pick(e.unit)
	if len(unit.Events) > 0 && &unit.Events[0] == &e.unit.Events[0] && len(unit.Events) == len(e.unit.Events) {
		if k := hearsAll(unit); k >= 0 {
			return picked{position: e.position, frame: e.frames[k]}, nil
		}
	}
	frame, ok, err := AppendUnit(nil, epoch, unit, Filtered)
	if err != nil || !ok {
		return picked{position: e.position}, err
	}
	return picked{position: e.position, frame: frame, own: len(frame)}, nil
}

// hearsAll finds a kind that hears every event of a unit, as readers with a filter
// do; -1: there is none.
func hearsAll(unit controlplane.Unit) int {
	for k, audience := range kinds {
		all := true
		for _, e := range unit.Events {
			all = all && e.Audience&audience != 0 && e.Audience&Filtered != 0
		}
		if all {
			return k
		}
	}
	return -1
}
