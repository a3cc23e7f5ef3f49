package cache

import (
	"time"

	"github.com/ringcast/ringcast/edgeproxy/cache/httpfield"
)

// validators tell one version of a response from another (RFC 9110, section 8.8).
type validators struct {
	tag    httpfield.EntityTag
	tagged bool
	// modified is Last-Modified, zero where there is none that is valid.
	modified time.Time
}

func newValidators(h Fields, now time.Time) (v validators) {
	v.tag, v.tagged = httpfield.ParseETag(h.Values("Etag"))
	v.modified, _ = httpfield.ParseDate(h.Values("Last-Modified"), now)
	return v
}

func (v *validators) any() bool { return v.tagged || !v.modified.IsZero() }

// Conditions are those of a request that asks the origin whether what is stored is
// still current (RFC 9111, section 4.3.1). Empty ones are not sent.
type Conditions struct{ IfNoneMatch, IfModifiedSince string }

func (v *validators) conditions() (c Conditions) {
	if v.tagged {
		c.IfNoneMatch = v.tag.String()
	}
	if !v.modified.IsZero() {
		c.IfModifiedSince = httpfield.FormatDate(v.modified)
	}
	return c
}

// confirmedBy tells whether a 304 with these validators speaks of the version that
// was asked for (RFC 9111, section 4.3.4). One without any can mean no other.
func (v *validators) confirmedBy(w *validators) bool {
	switch {
	case w.tagged:
		return v.tagged && v.tag.WeakEqual(w.tag)
	case !w.modified.IsZero():
		return v.modified.Equal(w.modified)
	}
	return true
}

// strongTag tells whether two versions have the same strong tag, and so the same
// bytes.
func (v *validators) strongTag(w *validators) bool {
	return v.tagged && w.tagged && v.tag.StrongEqual(w.tag)
}

// strongDate tells whether Last-Modified is a strong validator of a response with
// the given Date (RFC 9110, section 8.8.2.2).
func (v *validators) strongDate(date time.Time) bool {
	return !v.modified.IsZero() && date.Sub(v.modified) >= time.Second
}
