package cache

import "time"

// learn makes use of a response that is not stored for the stored one that would
// have answered the request. A new response means that the old one no longer holds
// (RFC 9111, section 4.3.3).
func (c *Cache) learn(f *flight, resp *Response) {
	if f.stale == nil || !tells(resp.Status) || f.request.personal(resp.Header) {
		return
	}
	if f.request.Method == "HEAD" && f.stale.describedBy(resp, c.config.Now()) {
		c.freshen(f, resp)
		return
	}
	c.discard(f, f.stale)
}

// tells tells the status codes that say what the resource is now. Others are of
// this request or this moment.
func tells(status int) bool {
	switch status {
	case 206, 304, 408, 412, 416, 425, 429:
		return false
	}
	return status >= 200 && status < 500
}

// personal tells whether a response may be for the user alone, whom a cookie names,
// and so says nothing of what others get.
func (r *Request) personal(response Header) bool {
	d := directivesOf(response)
	return r.has("Cookie") && (d.Private || d.NoStore)
}

// describedBy tells whether the header of an answer to HEAD may be that of the
// entry.
func (e *Entry) describedBy(resp *Response, now time.Time) bool {
	v := newValidators(resp.Header, now)
	return e.status == resp.Status && e.validators.confirmedBy(&v) &&
		(v.modified.IsZero() || v.modified.Equal(e.validators.modified)) &&
		(resp.Length < 0 || resp.Length == e.bodySize())
}

// freshen updates the entry by an answer to HEAD that describes it (RFC 9111,
// section 4.3.5). One without validators may describe another as well.
func (c *Cache) freshen(f *flight, resp *Response) {
	if v := newValidators(resp.Header, c.config.Now()); !v.any() {
		return
	}
	if whole := c.store.load(f.stale); whole != nil {
		if updated := c.update(f, whole, resp.Header); updated != nil {
			c.put(f, updated)
			return
		}
	}
	c.discard(f, f.stale)
}
