package cache

import (
	"time"

	"github.com/ringcast/ringcast/edgeproxy/cache/httpfield"
)

const (
	// heuristicShare of the time since a response was last modified is how long it
	// counts as fresh where the origin says nothing (RFC 9111, section 4.2.2).
	heuristicShare = 0.1
	// maxHeuristic bounds that: nobody asked for it.
	maxHeuristic = 24 * time.Hour
)

// freshness is how long a response may be used (RFC 9111, section 4.2).
type freshness struct {
	// born is when the origin made the response, by this edge's clock.
	born time.Time
	// lifetime is how long it is fresh from then on; explicit where the origin says so.
	lifetime time.Duration
	explicit bool
	// whileRevalidate and onError are how long after its lifetime the response may
	// still be used (RFC 5861).
	whileRevalidate, onError time.Duration
	// validate: it is not used without asking the origin (no-cache).
	validate bool
	// strict: no client may have it stale (must-revalidate, and s-maxage, which
	// implies proxy-revalidate).
	strict bool
	// fixed: nothing may lengthen the lifetime, since the origin chose it for
	// shared caches or forbids stale use.
	fixed bool
	// immutable: while it is fresh a reload brings nothing new (RFC 8246).
	immutable bool
}

// age is how old the response is (RFC 9111, section 4.2.3).
func (f *freshness) age(now time.Time) time.Duration { return max(0, now.Sub(f.born)) }

// staleness is how long a response of the given lifetime has been stale; negative
// while it is fresh. softAt, in Unix milliseconds, is when a soft fence ended its
// freshness, or 0.
func (f *freshness) staleness(now time.Time, lifetime time.Duration, softAt int64) time.Duration {
	stale := f.age(now) - lifetime
	if softAt != 0 {
		stale = max(stale, now.Sub(time.UnixMilli(softAt)), 0)
	}
	return stale
}

// spent tells whether the response can no longer be used without the origin.
func (f *freshness) spent(now time.Time, softAt int64) bool {
	return f.validate || f.staleness(now, f.lifetime, softAt) >= max(f.whileRevalidate, f.onError, 0)
}

// newFreshness computes the freshness of a response that was asked for and came at
// the given times.
//
// s-maxage stands for proxy-revalidate as well (RFC 9111, section 5.2.2.10), but an
// origin that allows stale use beside it, as is the custom, means what it says.
func newFreshness(status int, h Header, d *directives, asked, came time.Time) freshness {
	date := dateOf(h, came)
	f := freshness{
		born:     came.Add(-initialAge(h, date, asked, came)),
		validate: d.NoCache, immutable: d.Immutable,
	}
	f.lifetime, f.explicit = lifetime(status, h, d, date, came)
	revalidates := d.MustRevalidate || d.ProxyRevalidate
	f.strict = revalidates || d.SharedMaxAge >= 0
	f.fixed = f.strict || d.targeted || !f.explicit || len(d.omitted()) > 0
	if !revalidates {
		f.whileRevalidate = max(0, d.StaleWhileRevalidate)
		f.onError = max(0, d.StaleIfError)
	}
	return f
}

// dateOf gives the response's Date, or the time at which it came.
func dateOf(h Header, came time.Time) time.Time {
	if date, ok := httpfield.ParseDate(h.Values("Date"), came); ok {
		return date
	}
	return came
}

// initialAge is corrected_initial_age of RFC 9111, section 4.2.3. A Date is rounded
// down to the second; what came within that second is not older for it.
func initialAge(h Header, date, asked, came time.Time) time.Duration {
	apparent := max(0, came.Truncate(time.Second).Sub(date))
	age, _ := httpfield.ParseAge(h.Values("Age"))
	return max(apparent, max(0, age)+came.Sub(asked))
}

func lifetime(status int, h Header, d *directives, date, came time.Time) (t time.Duration, explicit bool) {
	switch {
	case d.SharedMaxAge >= 0:
		return d.SharedMaxAge, true
	case d.MaxAge >= 0:
		return d.MaxAge, true
	}
	if lines := h.Values("Expires"); len(lines) > 0 && !d.targeted {
		expires, ok := httpfield.ParseDate(lines, came)
		if !ok {
			return 0, true
		}
		return max(0, expires.Sub(date)), true
	}
	modified, ok := httpfield.ParseDate(h.Values("Last-Modified"), came)
	if !ok || !heuristic(status) {
		return 0, d.Public
	}
	share := time.Duration(heuristicShare * float64(date.Sub(modified)))
	return min(max(0, share), maxHeuristic), d.Public
}

// heuristic tells the status codes of RFC 9110, section 15.1, whose responses may
// be stored though the origin does not say for how long. Errors are left out: they
// must not outlive their cause by a guess. 206 is never stored.
func heuristic(status int) bool {
	switch status {
	case 200, 203, 204, 300, 301, 308:
		return true
	}
	return false
}
