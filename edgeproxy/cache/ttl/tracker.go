package ttl

import (
	"encoding/binary"
	"hash/maphash"
	"net/netip"
	"sync"
	"time"
)

const (
	// Window is the time over which a client's requests are counted, about: a
	// request counts in full until the window of the clock in which it came ends,
	// then less and less, and not at all when the next one has ended too.
	Window = 10 * time.Minute
	// MaxClients is how many clients are known at once. It bounds the memory, 2.6
	// MiB, under a flood of addresses.
	MaxClients = sets * ways

	// sets and ways divide the clients: each has one set, and a place among ways. So
	// a client is found in a few steps, under a lock that few others want.
	sets = 8192
	ways = 8
)

// Visits is what is known of a client's last Window; zero says nothing.
type Visits struct {
	// Count is the number of its requests, the present one included, about: 1 is
	// a first one.
	Count uint32
	// Faults is how many answers were Misbehaved.
	Faults uint32
}

// tracker counts the requests of clients. It is a table of fixed size, and what has
// no room is forgotten: then a client is a new one again, for which no rule
// lengthens anything. The fewest requests are forgotten first, so that a flood of
// addresses that come once leaves those in place that are seen often.
type tracker struct {
	// seed keeps clients from choosing their set.
	seed maphash.Seed
	sets [sets]set
}

type set struct {
	mu sync.Mutex
	// next is where the search for a place begins, so that of clients with as few
	// requests the one that has been there longest goes.
	next  uint8
	slots [ways]slot
}

// slot is what is known of a client: its counts in a window of the clock and in
// the one before. 2^32 requests of one client within Window, 7 million a second,
// are beyond any edge.
type slot struct {
	client            client
	window            uint32
	current, previous counts
}

type counts struct{ visits, faults uint32 }

func newTracker() *tracker { return &tracker{seed: maphash.MakeSeed()} }

// count adds to what is known of the client and returns it. An address that is
// none has nothing known.
func (t *tracker) count(addr netip.Addr, now time.Time, visits, faults uint32) Visits {
	if !addr.IsValid() {
		return Visits{}
	}
	c, m := newClient(addr), newMoment(now)
	s := &t.sets[maphash.Comparable(t.seed, c)%sets]
	s.mu.Lock()
	defer s.mu.Unlock()
	known := s.find(c, m)
	known.current.visits += visits
	known.current.faults += faults
	return known.estimate(m)
}

// find gives the client's slot as of m, a new one where it has none.
func (s *set) find(c client, m moment) *slot {
	for i := range s.slots {
		if known := &s.slots[i]; known.client == c {
			known.roll(m)
			return known
		}
	}
	fewest, place := ^uint32(0), 0
	for i := range ways {
		i = (i + int(s.next)) % ways
		s.slots[i].roll(m)
		if n := s.slots[i].estimate(m).Count; n < fewest {
			fewest, place = n, i
		}
	}
	s.next = uint8((place + 1) % ways)
	s.slots[place] = slot{client: c, window: m.window}
	return &s.slots[place]
}

// roll moves the slot on to the window of m. It stays where another goroutine, or a
// clock set back a little, is a window ahead; one set back further starts anew.
func (s *slot) roll(m moment) {
	switch int64(m.window) - int64(s.window) {
	case 0, -1:
		return
	case 1:
		s.previous = s.current
	default:
		s.previous = counts{}
	}
	s.window, s.current = m.window, counts{}
}

// estimate takes the previous window to have been even, and counts the part of it
// that is less than Window ago.
func (s *slot) estimate(m moment) Visits {
	return Visits{
		Count:  s.current.visits + m.part(s.previous.visits),
		Faults: s.current.faults + m.part(s.previous.faults),
	}
}

// moment is a time as the number of its window and the seconds still to come in
// that.
type moment struct{ window, left uint32 }

const windowSeconds = uint64(Window / time.Second)

func newMoment(now time.Time) moment {
	seconds := uint64(max(0, now.Unix()))
	return moment{
		window: uint32(seconds / windowSeconds),
		left:   uint32(windowSeconds - seconds%windowSeconds),
	}
}

// part is the share of n that the rest of the window is of a whole one. It rounds
// up: who came a second before the window began is not a new one.
func (m moment) part(n uint32) uint32 {
	return uint32((uint64(n)*uint64(m.left) + windowSeconds - 1) / windowSeconds)
}

// client is an IPv4 address or an IPv6 /64, which is what one subscriber has and
// can draw addresses from at will. The zero client is none.
type client struct {
	network uint64
	bits    uint8
}

func newClient(addr netip.Addr) client {
	addr = addr.Unmap()
	if addr.Is4() {
		b := addr.As4()
		return client{network: uint64(binary.BigEndian.Uint32(b[:])), bits: 32}
	}
	b := addr.As16()
	return client{network: binary.BigEndian.Uint64(b[:8]), bits: 64}
}
