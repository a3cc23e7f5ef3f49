package ttl

import (
	"fmt"
	"strings"
	"time"
)

const day = 24 * time.Hour

// hours is a part of each day, by the clock on the wall.
type hours struct {
	// start is counted from midnight and below a day; length is above 0 and at most
	// a day, so that the hours may go past midnight.
	start, length time.Duration
}

// parseHours reads "08:00-22:00". The end is not part of the hours; one before the
// start is on the next day. The whole day is "00:00-24:00".
func parseHours(text string) (hours, error) {
	from, to, _ := strings.Cut(text, "-")
	start, ok := parseClock(from)
	end, ok2 := parseClock(to)
	if to == "24:00" {
		end, ok2 = day, true
	}
	switch {
	case !ok || !ok2:
		return hours{}, fmt.Errorf(`peak hours %q are not of the form "08:00-22:00"`, text)
	case start == end:
		return hours{}, fmt.Errorf(`peak hours %q end as they begin; the whole day is "00:00-24:00"`, text)
	case end < start:
		end += day
	}
	return hours{start: start, length: end - start}, nil
}

// parseClock reads "08:00" as the time since midnight.
func parseClock(text string) (clock time.Duration, ok bool) {
	t, err := time.Parse("15:04", text)
	if err != nil || len(text) != len("15:04") {
		return 0, false
	}
	return time.Duration(t.Hour())*time.Hour + time.Duration(t.Minute())*time.Minute, true
}

// away is 0 within the hours, and outside how far the nearer end of them is. The
// clock is counted from midnight and below a day.
func (h hours) away(clock time.Duration) time.Duration {
	into := (clock - h.start + day) % day
	if into < h.length {
		return 0
	}
	return min(into-h.length, day-into)
}
