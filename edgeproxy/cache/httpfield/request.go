package httpfield

import "time"

// Request holds the directives of a request (RFC 9111, section 5.2.1). A time is
// Absent or from 0 to 2^31 seconds; MinFresh and MaxStale may be AnyAge.
type Request struct {
	NoStore, NoCache, OnlyIfCached bool
	// MinFresh is AnyAge where its value is invalid: nothing stored suits.
	MaxAge, MinFresh, MaxStale time.Duration
}

// ParseRequest reads the Cache-Control field of a request, or the Pragma field
// where there is no Cache-Control (RFC 9111, section 5.4). Unknown and malformed
// directives are passed over, and of one that is repeated the first counts. A
// max-age or max-stale that is not a whole number is 0.
func ParseRequest(cacheControl, pragma []string) Request {
	r := Request{MaxAge: Absent, MinFresh: Absent, MaxStale: Absent}
	if len(cacheControl) == 0 {
		r.NoCache = saysNoCache(pragma)
		return r
	}
	for d := range directives(cacheControl) {
		r.add(d)
	}
	return r
}

func saysNoCache(pragma []string) bool {
	for d := range directives(pragma) {
		if d.name == "no-cache" && !d.hasArg {
			return true
		}
	}
	return false
}

func (r *Request) add(d directive) {
	switch d.name {
	case "no-store":
		r.NoStore = true
	case "no-cache":
		r.NoCache = true
	case "only-if-cached":
		r.OnlyIfCached = true
	case "max-age":
		setFirst(&r.MaxAge, d.seconds(0))
	case "min-fresh":
		setFirst(&r.MinFresh, d.seconds(AnyAge))
	case "max-stale":
		setFirst(&r.MaxStale, d.maxStale())
	}
}

func (d directive) maxStale() time.Duration {
	if !d.hasArg {
		return AnyAge
	}
	return d.seconds(0)
}

func setFirst(t *time.Duration, value time.Duration) {
	if *t == Absent {
		*t = value
	}
}
