package httpfield

import (
	"math"
	"time"
)

const (
	// Absent is the time of a directive that is not there.
	Absent time.Duration = -1
	// AnyAge is a time without a bound: that of max-stale without a value.
	AnyAge time.Duration = math.MaxInt64
)

// maxSeconds is what a larger number of seconds counts as (RFC 9111, section
// 1.2.2).
const maxSeconds = 1 << 31

// parseSeconds reads delta-seconds.
func parseSeconds(s string) (d time.Duration, ok bool) {
	n, ok := number(s, maxSeconds)
	return time.Duration(n) * time.Second, ok
}

// ParseAge reads an Age field: whole seconds, 0 to 2^31. Of a list the first
// member counts. It is false where that is no such number, or where there is
// none, and the field is then to be ignored (RFC 9111, section 5.1).
func ParseAge(lines []string) (age time.Duration, ok bool) {
	for first := range ListElements(lines) {
		return parseSeconds(first)
	}
	return 0, false
}
