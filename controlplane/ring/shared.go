package ring

import (
	"slices"
	"sort"
	"sync"
)

const (
	// maxViewBytes bounds what a view keeps beside the frames of the ring itself.
	// What is beyond it are the oldest units, which only readers far behind want.
	maxViewBytes = 1 << 20
	// pickedBytes is about what a unit takes in a view without its frame.
	pickedBytes = 64
	// sharedUnits bounds the units that are copied from the ring at once.
	sharedUnits = 1024
)

// shared is what the readers with one filter share: what passes of a stretch of the
// ring. The stretch begins where the first of them reads, and grows both ways.
type shared struct {
	ring   *Ring
	filter Filter
	users  int // guarded by Ring.viewsMu

	mu sync.RWMutex // guards what follows; taken before Ring.mu
	// from and to bound the stretch: units after from, up to and including to.
	from, to uint64
	passed   []picked // in order, those of which something passes
	bytes    int      // of passed, at most maxViewBytes between reads
}

// read gives what follows a position; done is false where the reader has to look for
// itself.
func (s *shared) read(dst [][]byte, after uint64, maxBytes int) (b Batch, done bool, err error) {
	head := s.ring.Head()
	s.mu.RLock()
	if s.from <= after && s.to >= head {
		defer s.mu.RUnlock()
		return s.take(dst, after, maxBytes), true, nil
	}
	s.mu.RUnlock()
	s.mu.Lock()
	defer s.mu.Unlock()
	if ok, err := s.reach(after, head); !ok || err != nil {
		return Batch{Frames: dst, Next: after}, false, err
	}
	return s.take(dst, after, maxBytes), true, nil
}

// take is called with mu held, where the stretch reaches from the position to the
// head.
func (s *shared) take(dst [][]byte, after uint64, maxBytes int) Batch {
	b := Batch{Frames: dst, Next: max(after, s.to)}
	i := s.following(after)
	for size := 0; i < len(s.passed) && size < maxBytes; i++ {
		p := s.passed[i]
		b.Frames = append(b.Frames, p.frame)
		b.Told = p.position
		size += len(p.frame)
	}
	if i < len(s.passed) {
		b.Next = b.Told
	}
	return b
}

func (s *shared) following(after uint64) int {
	return sort.Search(len(s.passed), func(i int) bool { return s.passed[i].position > after })
}

// reach makes the stretch go from a position to the head, where ring and memory
// allow it. The caller holds mu.
func (s *shared) reach(after, head uint64) (ok bool, err error) {
	s.forget(s.ring.oldest())
	if s.from == s.to {
		s.from, s.to = after, after // of no units, it can be anywhere
	}
	if after < s.from {
		if s.bytes > maxViewBytes/2 {
			return false, nil
		}
		before, ok, err := s.collect(after, s.from)
		if err != nil || !ok {
			return false, err
		}
		s.from, s.passed = after, slices.Concat(before, s.passed)
	}
	if s.to < head {
		more, ok, err := s.collect(s.to, head)
		if err != nil || !ok {
			return false, err
		}
		s.to, s.passed = head, append(s.passed, more...)
	}
	s.trim()
	return s.from <= after, nil
}

// collect picks from the units after a position, up to and including another, and
// counts what passes. ok is false where the ring no longer has them all.
func (s *shared) collect(after, upTo uint64) (all []picked, ok bool, err error) {
	bytes := 0
	for after < upTo {
		entries, ok := s.ring.entries(after, sharedUnits)
		if !ok || len(entries) == 0 {
			return nil, false, nil
		}
		for _, e := range entries {
			if e.position > upTo {
				break
			}
			p, err := pick(s.ring.epoch, s.filter, e)
			if err != nil {
				return nil, false, err
			}
			if p.frame != nil {
				all, bytes = append(all, p), bytes+pickedBytes+p.own
			}
		}
		after = entries[len(entries)-1].position
	}
	s.bytes += bytes
	return all, true, nil
}

// trim drops the oldest beyond the bound.
func (s *shared) trim() {
	n := 0
	for ; s.bytes > maxViewBytes; n++ {
		s.drop(n)
	}
	s.cut(n)
}

// forget drops what the ring has dropped, and where that is all begins anew.
func (s *shared) forget(floor uint64) {
	n := 0
	for ; n < len(s.passed) && s.passed[n].position <= floor; n++ {
		s.drop(n)
	}
	s.cut(n)
	s.from = max(s.from, floor)
	s.to = max(s.to, s.from)
}

func (s *shared) drop(i int) {
	s.from = s.passed[i].position
	s.bytes -= pickedBytes + s.passed[i].own
}

func (s *shared) cut(n int) {
	clear(s.passed[:n])
	s.passed = s.passed[n:]
}
