package httpfield

import (
	"errors"
	"math"
	"strings"
)

const (
	// MaxRanges bounds the parts that one request can ask for.
	MaxRanges = 16
	// maxOverlaps bounds the pairs of ranges that overlap: more than one, and so more
	// than two ranges, are an attack (RFC 9110, sections 14.2 and 17.15).
	maxOverlaps = 1
)

var (
	// ErrIgnored is for a Range field that counts as not there: the answer is the
	// whole representation (RFC 9110, section 14.2).
	ErrIgnored = errors.New("range field does not count")
	// ErrUnsatisfiable is for a Range field without a range that has a byte of the
	// representation: the answer is 416 (RFC 9110, section 15.5.17).
	ErrUnsatisfiable = errors.New("range not satisfiable")
)

// ByteRange is a part of a representation: Length bytes, at least one, from Start
// on.
type ByteRange struct{ Start, Length int64 }

func (r ByteRange) overlaps(s ByteRange) bool {
	return r.Start < s.Start+s.Length && s.Start < r.Start+r.Length
}

// ParseRange reads a Range field for a representation of size bytes, 0 or more
// (RFC 9110, section 14.1.2). The ranges are in the order of the request, each
// within the representation; those that cannot be satisfied beside others that can
// are left out.
//
// The error is ErrUnsatisfiable or ErrIgnored: for another unit, several lines, a
// malformed set, more than MaxRanges ranges, more than two that overlap another,
// more bytes in total than there are, and an empty representation of which the
// last bytes are asked.
func ParseRange(lines []string, size int64) ([]ByteRange, error) {
	set, ok := byteRangeSet(lines)
	if !ok {
		return nil, ErrIgnored
	}
	specs := 0
	var ranges []ByteRange
	for spec := range strings.SplitSeq(set, ",") {
		if spec = trim(spec); spec == "" {
			continue
		}
		r, valid, satisfiable := parseRangeSpec(spec, size)
		if specs++; !valid || specs > MaxRanges {
			return nil, ErrIgnored
		}
		if satisfiable {
			ranges = append(ranges, r)
		}
	}
	switch {
	case specs == 0:
		return nil, ErrIgnored
	case len(ranges) == 0:
		return nil, ErrUnsatisfiable
	case size == 0 || excessive(ranges, size):
		return nil, ErrIgnored
	}
	return ranges, nil
}

func byteRangeSet(lines []string) (set string, ok bool) {
	if len(lines) != 1 {
		return "", false
	}
	unit, set, ok := strings.Cut(trim(lines[0]), "=")
	return set, ok && lower(unit) == "bytes" && set == strings.TrimLeft(set, " \t")
}

// parseRangeSpec reads an int-range or a suffix-range. The only satisfiable one
// without a byte is the suffix of an empty representation.
func parseRangeSpec(spec string, size int64) (r ByteRange, valid, satisfiable bool) {
	from, to, dash := strings.Cut(spec, "-")
	if from == "" {
		n, ok := number(to, math.MaxInt64)
		length := min(n, size)
		return ByteRange{size - length, length}, ok, n > 0
	}
	first, ok := number(from, math.MaxInt64)
	last := int64(math.MaxInt64)
	if ok && to != "" {
		last, ok = number(to, math.MaxInt64)
	}
	if !ok || !dash || last < first {
		return ByteRange{}, false, false
	}
	if first >= size {
		return ByteRange{}, true, false
	}
	return ByteRange{first, min(last, size-1) - first + 1}, true, true
}

// excessive tells the ranges that make an answer larger than the representation,
// or overlap more often than any honest request.
func excessive(ranges []ByteRange, size int64) bool {
	overlaps := 0
	for i, r := range ranges {
		if size -= r.Length; size < 0 {
			return true
		}
		for _, s := range ranges[:i] {
			if r.overlaps(s) {
				overlaps++
			}
		}
	}
	return overlaps > maxOverlaps
}
