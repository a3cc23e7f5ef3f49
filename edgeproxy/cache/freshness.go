package cache

import "time"

// freshness is how long a response may be used (RFC 9111, section 4.2).
type freshness struct {
	// born is when the origin made the response, by this edge's clock.
	born     time.Time
	lifetime time.Duration
	// whileRevalidate and onError are how long after its lifetime the response may
	// still be used (RFC 5861).
	whileRevalidate, onError time.Duration
}

// age is how old the response is (RFC 9111, section 4.2.3).
func (f *freshness) age(now time.Time) time.Duration { return max(0, now.Sub(f.born)) }

// staleness is how long the response has been stale; negative while it is fresh.
// softAt, in Unix milliseconds, is when a soft fence ended its freshness, or 0.
func (f *freshness) staleness(now time.Time, softAt int64) time.Duration {
	stale := f.age(now) - f.lifetime
	if softAt != 0 {
		stale = max(stale, now.Sub(time.UnixMilli(softAt)), 0)
	}
	return stale
}

// newFreshness computes the freshness of a response that was asked for and came
// at the given times. It is false where the response does not say how long it is
// fresh.
//
// s-maxage stands for proxy-revalidate as well (RFC 9111, section 5.2.2.10), but an
// origin that allows stale use beside it, as is the custom, means what it says.
func newFreshness(h Header, d directives, asked, came time.Time) (f freshness, explicit bool) {
	date, dated := parseDate(h.Values("Date"))
	if !dated {
		date = came
	}
	f.born = came.Add(-initialAge(h, date, asked, came))
	f.lifetime, explicit = lifetime(h, d, date)
	if !d.mustRevalidate && !d.proxyRevalidate {
		f.whileRevalidate = max(0, d.staleWhileRevalidate)
		f.onError = max(0, d.staleIfError)
	}
	return f, explicit
}

// initialAge is corrected_initial_age of RFC 9111, section 4.2.3.
func initialAge(h Header, date, asked, came time.Time) time.Duration {
	apparent := max(0, came.Sub(date))
	var age time.Duration
	if lines := h.Values("Age"); len(lines) > 0 {
		first, _ := cutElement(lines[0])
		age, _ = parseSeconds(trimSpace(first))
	}
	return max(apparent, age+came.Sub(asked))
}

func lifetime(h Header, d directives, date time.Time) (t time.Duration, explicit bool) {
	switch {
	case d.sharedMaxAge >= 0:
		return d.sharedMaxAge, true
	case d.maxAge >= 0:
		return d.maxAge, true
	}
	lines := h.Values("Expires")
	if len(lines) == 0 {
		return 0, false
	}
	expires, ok := parseDate(lines)
	if !ok {
		return 0, true
	}
	return max(0, expires.Sub(date)), true
}

// The three forms of a date (RFC 9110, section 5.6.7).
const (
	fixdate = "Mon, 02 Jan 2006 15:04:05 GMT"
	rfc850  = "Monday, 02-Jan-06 15:04:05 GMT"
	asctime = "Mon Jan _2 15:04:05 2006"
)

func parseDate(lines []string) (t time.Time, ok bool) {
	if len(lines) != 1 {
		return time.Time{}, false
	}
	for _, layout := range []string{fixdate, rfc850, asctime} {
		if t, err := time.Parse(layout, lines[0]); err == nil {
			return t, true
		}
	}
	return time.Time{}, false
}
