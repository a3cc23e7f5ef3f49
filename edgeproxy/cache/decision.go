package cache

import (
	"strings"
	"time"
)

// Action is what is to be done with a request.
type Action int

const (
	// Forward it to the origin; the cache takes no part.
	Forward Action = iota
	// Serve the entry.
	Serve
	// Fetch the response by Cache.Do.
	Fetch
)

// Decision is what Begin decides.
type Decision struct {
	Action Action
	// Entry is what to serve.
	Entry *Entry
	// Refresh: the entry is stale, and the caller is the one to refresh it: by a
	// Do of ForRefresh, and EndRefresh after it.
	Refresh bool
	// Outcome is final for Serve, and known but for the answer for the others.
	Outcome Outcome

	place place
	// arrived is the generation at which the request came.
	arrived uint64
	// reload: the client wants nothing that was fetched before it asked.
	reload bool
	// spare is the stale entry that may stand in where the origin fails.
	spare *Entry
	// latest is what was stored last for the URL: its tags and Vary are a guess at
	// those of the response to come.
	latest *Entry
}

// Begin decides about a request. It does not block.
func (c *Cache) Begin(r *Request) Decision {
	d := Decision{arrived: c.fences.Generation(), place: newPlace(r.Scheme, r.Host, r.Target)}
	asked := r.directives()
	if reason := r.bypass(&asked); reason != "" {
		d.Outcome.Reason = reason
		return d
	}
	d.Action = Fetch
	if asked.noCache || asked.maxAge == 0 {
		d.reload = true
		d.Outcome.Reason = Demand
		return d
	}
	c.lookUp(r, &d)
	return d
}

// lookUp completes a decision from what is stored: of the entries that answer the
// request the one fetched last.
func (c *Cache) lookUp(r *Request, d *Decision) {
	d.Outcome.Reason = URIMiss
	stored := c.store.get(d.place.url)
	if stored == nil {
		return
	}
	d.latest = stored.variants[0]
	for _, e := range stored.variants {
		if e.variant.matches(r.Header) {
			c.consider(d, e)
			return
		}
	}
	d.Outcome.Reason = VaryMiss
}

// consider decides between serving an entry and fetching another.
func (c *Cache) consider(d *Decision, e *Entry) {
	hard, softAt := e.covered(c.fences, d.arrived)
	if hard {
		return
	}
	stale := e.freshness.staleness(c.config.Now(), softAt)
	if stale >= 0 && stale >= e.freshness.whileRevalidate {
		d.Outcome.Reason = Stale
		if stale < e.freshness.onError {
			d.spare = e
		}
		return
	}
	d.Action, d.Entry = Serve, e
	d.Outcome = Outcome{Hit: true, TTL: ttl(stale), HasTTL: true}
	d.Refresh = stale >= 0 && e.refreshing.CompareAndSwap(false, true)
}

// ttl is the opposite of the staleness, in seconds rounded down.
func ttl(stale time.Duration) int {
	n := -stale / time.Second
	if stale > 0 && stale%time.Second != 0 {
		n--
	}
	return int(n)
}

// ForRefresh gives the decision with which to refresh the entry just served.
func (d Decision) ForRefresh() Decision {
	d.Action, d.Refresh, d.latest, d.Entry = Fetch, false, d.Entry, nil
	d.Outcome = Outcome{Reason: Stale}
	if d.latest.freshness.onError > 0 {
		d.spare = d.latest
	}
	return d
}

// EndRefresh lets the entry be refreshed again, should it still be stored.
func (d Decision) EndRefresh() { d.Entry.refreshing.Store(false) }

// flightKey tells fetches apart that cannot share an answer, as far as the names
// given, those of a Vary field, tell.
func flightKey(url string, names []string, h Fields) string {
	if len(names) == 0 {
		return url
	}
	var b strings.Builder
	b.WriteString(url)
	for _, name := range names {
		b.WriteByte('\n')
		b.WriteString(fieldValue(h, name))
	}
	return b.String()
}
