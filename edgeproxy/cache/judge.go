package cache

import (
	"slices"
	"time"

	"github.com/ringcast/ringcast/edgeproxy/cache/httpfield"
)

// Response is what a fetch brings.
type Response struct {
	Status int
	Header Header
	// Body ends with io.EOF only where the response is whole.
	Body interface {
		Read(p []byte) (int, error)
		Close() error
	}
	// Length is the number of bytes in Body, -1 where it is not known.
	Length int64
	// Trailers: fields follow the body. Such a response is passed on as it is.
	Trailers bool
}

// serverError tells the status codes for which a stale response may stand in
// (RFC 5861, section 4).
func serverError(status int) bool {
	return status == 500 || status == 502 || status == 503 || status == 504
}

// admit makes an entry of a response that may be stored (RFC 9111, section 3),
// nil where it may not.
func (c *Cache) admit(f *flight, resp *Response) *Entry {
	d := directivesOf(resp.Header)
	if c.off || f.request.Method != "GET" || resp.Trailers || resp.Length > c.config.MaxObject {
		return nil
	}
	if serverError(resp.Status) && f.spare || !storable(f.request, resp.Status, resp.Header, &d) {
		return nil
	}
	return c.newEntry(f, resp.Status, resp.Header, &d)
}

// storable is RFC 9111, section 3, but for the lifetime.
func storable(r *Request, status int, h Header, d *directives) bool {
	switch {
	case status < 200, status == 206, status == 304:
		return false
	case d.MustUnderstand && !understood(status), d.NoStore && !d.MustUnderstand:
		return false
	case d.Private:
		return false
	case len(h.Values("Set-Cookie")) > 0 && !d.explicitlyShared() && !slices.Contains(d.omitted(), "Set-Cookie"):
		return false
	}
	// Section 3.5.
	return !r.authorized() || d.Public || d.MustRevalidate || d.SharedMaxAge >= 0
}

// understood tells the status codes whose caching requirements this cache knows
// and follows (RFC 9110, section 15), final ones that may be stored.
func understood(status int) bool {
	switch status {
	case 200, 203, 204, 300, 301, 302, 303, 307, 308, 404, 405, 410, 414, 421, 451, 501:
		return true
	}
	return false
}

// newEntry makes an entry of a header; nil where it could never be used.
func (c *Cache) newEntry(f *flight, status int, h Header, d *directives) *Entry {
	variant, ok := newVariant(h.Values("Vary"), f.request.Header)
	tags, err := readTags(f.place.origin(), h)
	if !ok || err != nil {
		return nil
	}
	now := c.config.Now()
	e := &Entry{
		place: f.place, variant: variant, status: status, tags: tags,
		date: dateOf(h, now), validators: newValidators(h, now),
		freshness: newFreshness(status, h, d, f.beganAt, now),
		fields:    storedFields(h, d.omitted(), c.config.ExposeTags), began: f.began, beganAt: f.beganAt,
	}
	e.checked.Store(f.began)
	if len(h.Values("Date")) == 0 {
		e.fields = set(e.fields, "Date", httpfield.FormatDate(now)) // RFC 9110, section 6.6.1
	}
	if !e.useful(now, 0) {
		return nil
	}
	return e
}

// useful tells whether the entry can answer anything, be it after a validation.
// Where the origin does not say that it may be stored its status must.
func (e *Entry) useful(now time.Time, softAt int64) bool {
	if !e.freshness.explicit && !heuristic(e.status) {
		return false
	}
	return e.validators.any() || !e.freshness.spent(now, softAt)
}

// mayKeep tells whether an entry may be stored at this moment.
func (c *Cache) mayKeep(e *Entry) bool {
	v := c.fences.judge(e.began, &e.place, e.tags)
	return !v.hard && e.beganAt.UnixMilli() >= v.settleUntil && e.useful(c.config.Now(), v.softAt)
}

// mayShare tells whether an entry on its way may answer those who asked while it
// was fetched: none whose every use the origin wants to be asked about.
func (c *Cache) mayShare(e *Entry) bool {
	now := c.config.Now()
	return !e.freshness.validate && e.freshness.staleness(now, e.freshness.lifetime, 0) < max(e.freshness.whileRevalidate, 0)
}
