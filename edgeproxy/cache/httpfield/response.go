package httpfield

import "time"

// Response holds the directives of a response (RFC 9111, section 5.2.2; RFC 5861;
// RFC 8246). A time is Absent or from 0 to 2^31 seconds.
type Response struct {
	NoStore, NoCache, Private, Public bool
	MustRevalidate, ProxyRevalidate   bool
	MustUnderstand, Immutable         bool

	// NoCacheFields and PrivateFields are the canonical names to which the qualified
	// forms of no-cache and private apply. They say nothing more where NoCache or
	// Private is set.
	NoCacheFields, PrivateFields []string

	MaxAge, SharedMaxAge               time.Duration
	StaleWhileRevalidate, StaleIfError time.Duration
}

func noDirectives() Response {
	return Response{MaxAge: Absent, SharedMaxAge: Absent, StaleWhileRevalidate: Absent, StaleIfError: Absent}
}

// ParseResponse reads the Cache-Control field of a response.
//
// A directive counts wherever it stands: what is unknown or malformed beside it is
// passed over, and so is an argument that it does not take. Of a time that is
// repeated the first counts, and one that is not a whole number is 0, that is,
// stale (RFC 9111, section 4.2.1). A qualified no-cache or private counts as an
// unqualified one where its list is empty or malformed.
func ParseResponse(cacheControl []string) Response {
	r := noDirectives()
	for d := range directives(cacheControl) {
		r.add(d)
	}
	return r
}

func (r *Response) add(d directive) {
	if fields := r.fields(d.name); fields != nil {
		var ok bool
		if *fields, ok = d.appendFields(*fields); ok {
			return
		}
	}
	if flag := r.flag(d.name); flag != nil {
		*flag = true
	} else if t := r.time(d.name); t != nil {
		setFirst(t, d.seconds(0))
	}
}

func (r *Response) flag(name string) *bool {
	switch name {
	case "no-store":
		return &r.NoStore
	case "no-cache":
		return &r.NoCache
	case "private":
		return &r.Private
	case "public":
		return &r.Public
	case "must-revalidate":
		return &r.MustRevalidate
	case "proxy-revalidate":
		return &r.ProxyRevalidate
	case "must-understand":
		return &r.MustUnderstand
	case "immutable":
		return &r.Immutable
	}
	return nil
}

// fields gives the names that qualify a directive which may be qualified.
func (r *Response) fields(name string) *[]string {
	switch name {
	case "no-cache":
		return &r.NoCacheFields
	case "private":
		return &r.PrivateFields
	}
	return nil
}

func (r *Response) time(name string) *time.Duration {
	switch name {
	case "max-age":
		return &r.MaxAge
	case "s-maxage":
		return &r.SharedMaxAge
	case "stale-while-revalidate":
		return &r.StaleWhileRevalidate
	case "stale-if-error":
		return &r.StaleIfError
	}
	return nil
}
