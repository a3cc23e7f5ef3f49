package cache

import "context"

// ask fetches, and once more without conditions where the origin's 304 does not
// speak of what is stored, or forbids to store it any longer.
func (c *Cache) ask(ctx context.Context, f *flight, fetch FetchFunc) (*Response, error) {
	q := f.question()
	resp, err := fetch(ctx, q)
	if err != nil || resp.Status != 304 || q.Conditions == (Conditions{}) {
		return resp, err
	}
	_ = resp.Body.Close() // a 304 has none
	if whole := c.store.load(f.stale); whole != nil {
		f.entry = c.update(f, whole, resp.Header)
	}
	if f.entry != nil {
		f.confirmed = true
		c.updateAll(f, f.entry, resp.Header)
		return resp, nil
	}
	c.discard(f, f.stale)
	f.stale = nil
	return fetch(ctx, f.question())
}

// question asks about what is stored, if anything is. The answer to a HEAD is the
// client's, by its own conditions.
func (f *flight) question() (q Question) {
	if f.request.Method != "GET" {
		return q
	}
	q.Shared = !f.alone || f.stale != nil
	if f.stale != nil {
		q.Conditions = f.stale.validators.conditions()
	}
	return q
}

// confirm answers those who wait with what is stored.
func (c *Cache) confirm(f *flight) {
	f.stored = c.put(f, f.entry)
	f.length = int64(len(f.entry.body))
	c.decideSharing(f)
	close(f.ready)
	f.fill.leave()
	f.cancel()
}

// decideSharing keeps others from waiting for what may not answer them.
func (c *Cache) decideSharing(f *flight) {
	if f.shared = c.mayShare(f.entry); !f.shared && !f.alone {
		c.passes.add(passKey(f.request, f.place.url))
	}
}
