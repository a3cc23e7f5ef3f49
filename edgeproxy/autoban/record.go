package autoban

import (
	"net/netip"
	"time"
)

const (
	// windowParts is into how many parts a window is cut. Each has one counter.
	windowParts = 6
	// rememberFor is how long after the end of a ban the next one counts as a
	// repetition.
	rememberFor = 24 * time.Hour
	rememberSec = uint32(rememberFor / time.Second)
)

// record is what is known of one client, in 24 bytes without a pointer, since there
// are millions of them. The zero record is of nobody.
type record struct {
	key uint64
	// part is the number of the window's part, since the start, of the last failure.
	part uint32
	// until is when the last ban ends, in seconds since the start.
	until uint32
	// counts are the failures in the parts up to that one, at part modulo
	// windowParts. They stop at 255, which is enough for any limit to be reached.
	counts [windowParts]uint8
	// offences counts the bans of which each followed soon on the one before.
	offences uint8
	state    uint8
}

// The states of a record.
const (
	unused uint8 = iota
	counting
	// pending: a ban is on its way to be in force. No failure counts meanwhile.
	pending
)

// tag4 begins the keys of IPv4 addresses. In IPv6 it would begin a multicast
// address, which no client has.
const tag4 = 0xffff_fffe << 32

// subject gives the key of a client and what a ban of it covers. It is not ok for
// what is no address of a client.
func subject(addr netip.Addr) (key uint64, prefix netip.Prefix, ok bool) {
	addr = addr.Unmap().WithZone("")
	bits := 64
	switch {
	case !addr.IsValid() || addr.IsMulticast():
		return 0, netip.Prefix{}, false
	case addr.Is4():
		bits = 32
		b := addr.As4()
		key = tag4 | uint64(b[0])<<24 | uint64(b[1])<<16 | uint64(b[2])<<8 | uint64(b[3])
	default:
		b := addr.As16()
		for _, octet := range b[:8] {
			key = key<<8 | uint64(octet)
		}
	}
	return key, netip.PrefixFrom(addr, bits).Masked(), true
}

// add counts a failure in a part. Parts are numbered from windowParts on.
func (r *record) add(part uint32) {
	part = max(part, r.part) // the clock may have been set back
	for back := range min(part-r.part, windowParts) {
		r.counts[(part-back)%windowParts] = 0
	}
	r.part = part
	if count := &r.counts[part%windowParts]; *count < MaxFailures {
		*count++
	}
}

// failures counts those in the window that ends with a part.
func (r *record) failures(part uint32) int {
	oldest := max(part, r.part) - windowParts + 1
	sum := 0
	for p := r.part; p >= oldest && p > r.part-windowParts; p-- {
		sum += int(r.counts[p%windowParts])
	}
	return sum
}

// remembered tells whether a ban would count as a repetition.
func (r *record) remembered(sec uint32) bool {
	return r.offences > 0 && sec < r.until+rememberSec
}

// offence is the number, from 1 on, that a ban at sec has among those in a row. One
// while the last would still last does not count again: somebody lifted it.
func (r *record) offence(sec uint32) uint8 {
	switch {
	case !r.remembered(sec):
		return 1
	case sec < r.until || r.offences == maxOffences:
		return r.offences
	}
	return r.offences + 1
}

// maxOffences bounds the doublings; by then MaxFor is long reached.
const maxOffences = 32

// lasts is how long the nth ban in a row lasts, in whole seconds.
func lasts(first time.Duration, nth uint8) time.Duration {
	first = (first + time.Second - 1).Truncate(time.Second)
	for ; nth > 1 && first < MaxFor; nth-- {
		first *= 2
	}
	return min(first, MaxFor)
}

// worth says how much is lost with the record: the failures in its window, and for a
// remembered offender at least half of what makes a ban. The least goes first.
func (r *record) worth(part, sec uint32, limit int) int {
	if r.state == pending {
		return MaxFailures * windowParts
	}
	worth := r.failures(part)
	if r.remembered(sec) {
		worth = max(worth, (limit+1)/2)
	}
	return worth
}
