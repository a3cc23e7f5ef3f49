package cache

import (
	"context"
	"io"
)

// firstCapacity is the memory at first for a body of unknown length, in bytes.
const firstCapacity = 4 << 10

// prepare reserves memory for the body. It is false where there is none to spare.
func (c *Cache) prepare(f *flight, length int64) bool {
	capacity := int64(firstCapacity)
	if length >= 0 {
		capacity = max(length, 1)
	}
	return c.enlarge(f, capacity)
}

func (c *Cache) enlarge(f *flight, capacity int64) bool {
	more := capacity - f.reserved
	if c.store.crowded() {
		return false
	}
	if c.filling.Add(more) > c.config.MaxBytes {
		c.filling.Add(-more)
		return false
	}
	f.reserved = capacity
	f.fill.grow(capacity)
	return true
}

// pour moves the body to those who read it, and stores it once it is whole.
func (c *Cache) pour(ctx context.Context, f *flight, resp *Response) {
	defer f.cancel()
	defer f.fill.leave()
	defer func() { _ = resp.Body.Close() }() // an error in the body has been seen
	total, whole := int64(0), true
	for {
		if len(f.fill.space()) == 0 && !c.makeSpace(f) {
			if whole {
				c.outgrow(f, resp)
			}
			whole = false
			if f.fill.unwant() {
				return // too long to store, and nobody reads it
			}
			if err := f.fill.shift(ctx); err != nil {
				f.fill.advance(0, err)
				return
			}
		}
		n, err := resp.Body.Read(f.fill.space())
		total += int64(n)
		end := endOf(total, resp.Length, err)
		if end == io.EOF && whole {
			c.keep(f, n)
		}
		if end != nil {
			c.finish(f)
		}
		f.fill.advance(n, end)
		if end != nil {
			return
		}
	}
}

// outgrow is the end of a body's way into the store. The next ones for the URL are
// not shared either: who is slow would hold up the others.
func (c *Cache) outgrow(f *flight, resp *Response) {
	c.passes.add(passKey(f.request, f.place.url))
	c.learn(f, resp)
	c.finish(f)
}

// endOf tells whether a body has ended, and how.
func endOf(total, length int64, err error) error {
	switch {
	case length >= 0 && total > length, err == io.EOF && length >= 0 && total < length:
		return io.ErrUnexpectedEOF
	case total == length:
		return io.EOF
	}
	return err
}

// makeSpace lets the body grow up to one byte more than may be stored, so that
// one of just the right size is seen to end.
func (c *Cache) makeSpace(f *flight) bool {
	have := int64(cap(f.fill.data))
	want := min(max(2*have, firstCapacity), c.config.MaxObject+1)
	return want > have && c.enlarge(f, want)
}

// keep stores the entry with the body and its last n bytes, before anybody has
// seen the end.
func (c *Cache) keep(f *flight, n int) {
	body := f.fill.data[:len(f.fill.data)+n]
	if int64(len(body)) > c.config.MaxObject {
		return
	}
	if cap(body) > len(body)+len(body)/4 {
		body = append(make([]byte, 0, len(body)), body...)
	}
	f.entry.complete(body)
	c.put(f, f.entry)
}

// put stores what a flight brought, and tells whether it did.
func (c *Cache) put(f *flight, e *Entry) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if f.dropped || !c.mayKeep(e) {
		return false
	}
	c.store.put(e)
	if c.mayShare(e) {
		c.passes.remove(passKey(f.request, f.place.url))
	}
	return true
}
