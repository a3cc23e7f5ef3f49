package cache

import (
	"context"
	"database/sql"
	"fmt"
)

// InvalidateURI makes what is stored for the request's URL unusable, as the
// success of an unsafe method demands (RFC 9111, section 4.4). It returns when
// that is durable and in force. Where it fails the entries are gone all the same,
// and the error says that a restart may bring some back.
//
// Where nothing is stored or fetched for the URL there is nothing to do: whoever
// asks later, asks the origin.
func (c *Cache) InvalidateURI(ctx context.Context, r *Request) error {
	url := newPlace(r.Scheme, r.Host, r.Target).url
	if !c.holds(url) {
		return nil
	}
	err := c.state.Update(ctx, func(tx *sql.Tx) (func(), error) {
		return c.fences.fenceURL(ctx, tx, url)
	})
	if err != nil {
		c.forget(url)
		return fmt.Errorf("invalidate %s: %w", url, err)
	}
	return nil
}

// holds looks at the flights first: one that ends in between has stored by then.
func (c *Cache) holds(url string) bool {
	c.mu.Lock()
	flying := len(c.byURL[url]) > 0
	c.mu.Unlock()
	return flying || c.store.get(url) != nil
}

// forget drops entries and makes running fetches store nothing and take nobody in.
func (c *Cache) forget(url string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for f := range c.byURL[url] {
		f.dropped = true
		c.close(f)
	}
	c.store.remove(url)
}
