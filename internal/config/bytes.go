package config

import (
	"fmt"
	"math"
	"strconv"
	"strings"
)

// Bytes is a size in bytes, never negative when it comes from ParseBytes.
type Bytes int64

// units are in falling order, so that String takes the largest that fits.
var units = [...]struct {
	name string
	size Bytes
}{
	{"TiB", 1 << 40}, {"TB", 1e12},
	{"GiB", 1 << 30}, {"GB", 1e9},
	{"MiB", 1 << 20}, {"MB", 1e6},
	{"KiB", 1 << 10}, {"KB", 1e3},
	{"B", 1},
}

// ParseBytes reads a whole number of bytes, or of the unit that follows it: KB,
// MB, GB and TB are powers of 1000, KiB, MiB, GiB and TiB powers of 1024. Case
// and blanks before the unit do not matter.
func ParseBytes(text string) (Bytes, error) {
	digits, unit := text, Bytes(1)
	for _, u := range units {
		if number, ok := cutSuffixFold(text, u.name); ok {
			digits, unit = strings.TrimRight(number, " "), u.size
			break
		}
	}
	number, err := strconv.ParseUint(digits, 10, 63)
	if err != nil || Bytes(number) > math.MaxInt64/unit {
		return 0, fmt.Errorf("%q is not a size between 0 and 2^63-1 bytes", text)
	}
	return Bytes(number) * unit, nil
}

func cutSuffixFold(text, suffix string) (string, bool) {
	at := len(text) - len(suffix)
	if at < 0 || !strings.EqualFold(text[at:], suffix) {
		return text, false
	}
	return text[:at], true
}

// String gives the number in the largest unit that divides it; ParseBytes reads
// it back to the same size.
func (b Bytes) String() string {
	for _, u := range units {
		if b >= u.size && b%u.size == 0 && u.size > 1 {
			return strconv.FormatInt(int64(b/u.size), 10) + u.name
		}
	}
	return strconv.FormatInt(int64(b), 10)
}
