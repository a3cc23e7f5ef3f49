package cache

import (
	"context"
	"database/sql"
	"fmt"
	"net/url"
	"slices"

	"github.com/ringcast/ringcast/edgeproxy/cache/httpfield"
)

// Invalidate does what the success of an unsafe method demands, given the header
// of its answer: what is stored for the request's URL, and for those of the same
// site in Location and Content-Location (RFC 9111, section 4.4), becomes
// unusable, and so do the origin's groups in Cache-Group-Invalidation (RFC 9875,
// section 3). It returns when that is in force and written to the state file. Where
// it fails the entries are gone all the same, and the error says that a restart may
// bring some back.
//
// Where nothing is stored or fetched for a URL there is nothing to do for it:
// whoever asks later, asks the origin.
func (c *Cache) Invalidate(ctx context.Context, r *Request, answer Header) error {
	p := newPlace(r.Scheme, r.Host, r.Target)
	groups := groupSelectors(p.origin(), answer)
	list := groups
	var urls []string
	for _, u := range changedURLs(p, answer) {
		if c.holds(u) {
			urls, list = append(urls, u), append(list, selector{kindKey, u})
		}
	}
	if len(list) == 0 {
		return nil
	}
	err := c.state.Update(ctx, func(tx *sql.Tx) (func(), error) {
		return c.fences.fenceOwn(ctx, tx, list)
	})
	if err != nil {
		c.forget(urls, len(groups) > 0)
		return fmt.Errorf("invalidate %s: %w", p.url, err)
	}
	return nil
}

// changedURLs are cache keys, on each of the site's origins: the request's own, and
// those of the site that the answer names.
func changedURLs(p place, answer Header) []string {
	origins := p.sites()
	urls := spread(nil, origins, p.target)
	base, err := url.Parse(p.url)
	if err != nil {
		return urls
	}
	for _, name := range []string{"Location", "Content-Location"} {
		for _, value := range answer.Values(name) {
			u, err := base.Parse(value)
			if err != nil || u.Opaque != "" {
				continue
			}
			named := newPlace(u.Scheme, u.Host, targetOf(u))
			if slices.Contains(origins, named.origin()) && named.target != p.target {
				urls = spread(urls, origins, named.target)
			}
		}
	}
	return urls
}

func spread(urls, origins []string, target string) []string {
	for _, origin := range origins {
		urls = append(urls, origin+target)
	}
	return urls
}

// targetOf is the target of a request for the URL.
func targetOf(u *url.URL) string {
	target := u.EscapedPath()
	if target == "" {
		target = "/"
	}
	if u.ForceQuery || u.RawQuery != "" {
		target += "?" + u.RawQuery
	}
	return target
}

func groupSelectors(origin string, answer Header) []selector {
	var list []selector
	groups, _ := httpfield.ParseGroups(answer.Values("Cache-Group-Invalidation"))
	for _, group := range groups {
		if len(list) < maxTags && len(group) <= maxTagBytes {
			list = append(list, selector{kindTag, groupTag(origin, group)})
		}
	}
	return list
}

// holds looks at the flights first: one that ends in between has stored by then.
func (c *Cache) holds(url string) bool {
	c.mu.Lock()
	flying := len(c.byURL[url]) > 0
	c.mu.Unlock()
	return flying || c.store.get(url) != nil
}

// forget drops entries and makes running fetches store nothing and take nobody in.
func (c *Cache) forget(urls []string, everything bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, url := range urls {
		c.forgetFlights(url)
		c.store.remove(url)
	}
	if everything {
		for url := range c.byURL {
			c.forgetFlights(url)
		}
		c.store.clear()
	}
}

// forgetFlights is called with mu held.
func (c *Cache) forgetFlights(url string) {
	for f := range c.byURL[url] {
		f.dropped = true
		c.close(f)
	}
}
