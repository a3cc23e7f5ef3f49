package cache

import (
	"errors"
	"slices"
	"strings"

	"github.com/ringcast/ringcast/edgeproxy/cache/httpfield"
)

// Reply is the form in which a stored response answers one request.
type Reply struct {
	// Status is that of the entry, or 304, 206 or 416.
	Status int
	// Ranges are the parts to send with 206; with more than one as
	// multipart/byteranges.
	Ranges []httpfield.ByteRange
}

// NotModified tells whether the client that asks has the response already
// (RFC 9110, sections 13.1.2, 13.1.3 and 13.2.2).
func (e *Entry) NotModified(h Fields) bool {
	if e.status != 200 {
		return false // section 13.2.1
	}
	if lines := h.Values("If-None-Match"); len(lines) > 0 {
		tags, anything, _ := httpfield.ParseETags(lines)
		return anything || e.validators.tagged && slices.ContainsFunc(tags, e.validators.tag.WeakEqual)
	}
	lines := h.Values("If-Modified-Since")
	if len(lines) == 0 {
		return false
	}
	since, ok := httpfield.ParseDate(lines, e.date)
	modified := e.validators.modified
	if modified.IsZero() {
		modified = e.date // RFC 9111, section 4.3.2
	}
	return ok && !modified.After(since)
}

// Reply says how a complete entry answers a request.
func (e *Entry) Reply(r *Request) Reply {
	if e.NotModified(r.Header) {
		return Reply{Status: 304}
	}
	whole := Reply{Status: e.status}
	if e.status != 200 || r.Method != "GET" {
		return whole
	}
	lines := r.Header.Values("Range")
	if len(lines) == 0 || !e.rangeApplies(r.Header.Values("If-Range")) {
		return whole
	}
	ranges, err := httpfield.ParseRange(lines, int64(len(e.body)))
	switch {
	case errors.Is(err, httpfield.ErrUnsatisfiable):
		return Reply{Status: 416}
	case err != nil:
		return whole
	}
	return Reply{Status: 206, Ranges: ranges}
}

// rangeApplies evaluates If-Range (RFC 9110, section 13.1.5).
func (e *Entry) rangeApplies(lines []string) bool {
	if len(lines) == 0 {
		return true
	}
	if strings.Contains(lines[0], `"`) {
		tag, ok := httpfield.ParseETag(lines)
		return ok && e.validators.tagged && e.validators.tag.StrongEqual(tag)
	}
	since, ok := httpfield.ParseDate(lines, e.date)
	return ok && e.validators.strongDate(e.date) && since.Equal(e.validators.modified)
}

// notModifiedFields are those that a 304 has (RFC 9110, section 15.4.5), beside
// what says where it came from.
var notModifiedFields = []string{
	"Cache-Control", "Cache-Status", "Cdn-Cache-Control", "Content-Location", "Date", "Etag", "Expires", "Last-Modified",
	"Ringcast-Cache-Control", "Set-Cookie", "Vary", "Via",
}

// InNotModified tells whether a field of a stored response belongs into a 304.
func InNotModified(name string) bool {
	return slices.Contains(notModifiedFields, name)
}
