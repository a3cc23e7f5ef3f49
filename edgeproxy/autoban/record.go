package autoban

import (
	"encoding/binary"
	"hash/maphash"
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

// Keys of a /64 are its first half, which begins with 001. Those of others begin with
// what no such /64 does.
const (
	// tag4 is followed by an IPv4 address.
	tag4 = 0xffff_fffe << 32
	// tag6 is followed by sum6Bits of a keyed sum of an IPv6 address, which is too long
	// for a key. Nobody can look for two that have one, and of a million clients no two
	// have.
	tag6     = 0xfc << 56
	sum6Bits = 57
)

// subject gives the key of a client, by the table's seed, and what a ban of it covers.
// It is not ok for what is no address of a client.
func subject(seed maphash.Seed, addr netip.Addr) (key uint64, prefix netip.Prefix, ok bool) {
	addr = addr.Unmap().WithZone("")
	bits := addr.BitLen()
	switch b := addr.As16(); {
	case !addr.IsValid() || addr.IsMulticast():
		return 0, netip.Prefix{}, false
	case addr.Is4():
		key = tag4 | uint64(binary.BigEndian.Uint32(b[12:]))
	case hasNetwork(b):
		bits = subscriberBits
		key = binary.BigEndian.Uint64(b[:8])
	default:
		key = tag6 | maphash.Comparable(seed, b)>>(64-sum6Bits)
	}
	return key, netip.PrefixFrom(addr, bits).Masked(), true
}

// subscriberBits is the length of what a subscriber is given.
const subscriberBits = 64

// hasNetwork tells whether the /64 of an IPv6 address is one subscriber's: it is in
// 2000::/3, all of the Internet that IANA gives out, but for Teredo, 2001::/32, which
// has a /64 for each server (RFC 4380, section 4).
func hasNetwork(b [16]byte) bool {
	teredo := [4]byte(b[:4]) == [4]byte{0x20, 0x01}
	return b[0]>>5 == 0b001 && !teredo
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
