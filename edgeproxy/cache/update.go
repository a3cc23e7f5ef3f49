package cache

import (
	"maps"
	"slices"
)

// represent are fields that belong to the bytes that are stored, which a header that
// comes without a body does not change (RFC 9111, section 3.2).
var represent = []string{
	"Content-Encoding", "Content-Length", "Content-Md5", "Content-Range", "Etag", "Transfer-Encoding",
}

// update gives the entry with the header of a 304, or of the answer to HEAD, in
// place of its own; nil where that does not speak of the entry, or forbids to
// store it.
func (c *Cache) update(f *flight, old *Entry, h Header) *Entry {
	v := newValidators(h, c.config.Now())
	if !old.validators.confirmedBy(&v) {
		return nil
	}
	merged := old.merge(h)
	d := directivesOf(merged)
	if !storable(f.request, old.status, merged, &d) {
		return nil
	}
	e := c.newEntry(f, old.status, merged, &d)
	if e == nil || !slices.Equal(e.variant.names, old.variant.names) {
		return nil
	}
	e.variant = old.variant
	e.tags = union(e.tags, old.tags)
	if len(e.tags) > maxTags {
		return nil
	}
	e.complete(old.body)
	return e
}

// merge gives the header that is stored after an update (RFC 9111, section 3.2).
// Age is of the new answer alone, as is Date: without one it came now.
func (e *Entry) merge(h Header) Header {
	merged := make(Header, len(e.fields)+len(h))
	for _, field := range e.fields {
		merged[field.Name] = field.Values
	}
	delete(merged, "Date")
	replaced := maps.Clone(h)
	for _, name := range represent {
		delete(replaced, name)
	}
	maps.Copy(merged, replaced)
	return merged
}

func union(a, b []string) []string {
	all := slices.Concat(a, b)
	slices.Sort(all)
	return slices.Clip(slices.Compact(all))
}

// updateAll puts what a 304 said of one entry into the others for the URL that have
// the same bytes (RFC 9111, section 4.3.4).
func (c *Cache) updateAll(f *flight, confirmed *Entry, h Header) {
	drops := c.fences.drops.Load()
	stored := c.store.get(f.place.url)
	if stored == nil {
		return
	}
	for _, e := range stored.variants {
		if e.variant.equal(&confirmed.variant) || !e.validators.strongTag(&confirmed.validators) {
			continue
		}
		if hard, _ := e.covered(c.fences, f.began, drops); hard {
			continue
		}
		if e = c.store.load(e); e == nil {
			continue
		}
		if updated := c.update(f, e, h); updated != nil {
			c.put(f, updated)
		}
	}
}

// discard drops what the origin's answer contradicts. One to a single user (RFC
// 9111, section 3.5) says nothing of what others get.
func (c *Cache) discard(f *flight, e *Entry) {
	if !f.request.authorized() {
		c.store.drop(e)
	}
}
