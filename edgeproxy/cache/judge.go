package cache

import "time"

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
	d := parseDirectives(resp.Header.Values("Cache-Control"))
	if c.off || f.request.Method != "GET" || !storable(f, resp, &d) || resp.Length > c.config.MaxObject {
		return nil
	}
	variant, ok := newVariant(resp.Header.Values("Vary"), f.request.Header)
	if !ok {
		return nil
	}
	now := c.config.Now()
	fresh, ok := newFreshness(resp.Header, d, f.beganAt, now)
	if !ok || fresh.useless(now, 0) {
		return nil
	}
	tags, err := readTags(resp.Header)
	if err != nil {
		return nil
	}
	e := &Entry{
		place: f.place, variant: variant, status: resp.Status, tags: tags, freshness: fresh,
		fields: storedFields(resp.Header, c.config.ExposeTags), began: f.began, beganAt: f.beganAt,
	}
	e.checked.Store(f.began)
	return e
}

func storable(f *flight, resp *Response, d *directives) bool {
	switch {
	case resp.Status < 200, resp.Status == 206, resp.Status == 304:
		return false
	case serverError(resp.Status) && f.spare:
		return false
	case d.noStore, d.private, d.noCache, resp.Trailers:
		return false
	case len(resp.Header.Values("Set-Cookie")) > 0:
		return false
	}
	// RFC 9111, section 3.5.
	return !f.request.authorized() || d.public || d.mustRevalidate || d.sharedMaxAge >= 0
}

// useless: it can never be used, not even stale.
func (f *freshness) useless(now time.Time, softAt int64) bool {
	return f.staleness(now, softAt) >= max(f.whileRevalidate, f.onError)
}

// mayKeep tells whether an entry may be stored at this moment.
func (c *Cache) mayKeep(e *Entry) bool {
	v := c.fences.judge(e.began, &e.place, e.tags)
	return !v.hard && e.beganAt.UnixMilli() >= v.settleUntil && !e.freshness.useless(c.config.Now(), v.softAt)
}
