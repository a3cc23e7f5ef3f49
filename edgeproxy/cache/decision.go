package cache

import (
	"strings"
	"time"

	"github.com/ringcast/ringcast/edgeproxy/cache/httpfield"
	"github.com/ringcast/ringcast/edgeproxy/cache/ttl"
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
	// Fail with 504: the client wants nothing that is not stored (RFC 9111, section
	// 5.2.1.7).
	Fail
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
	asked httpfield.Request
	// visits are those of the client that asks.
	visits ttl.Visits
	// arrived is the generation at which the request came, drops the number of times
	// that fences had gone.
	arrived, drops uint64
	// puts counts what had been put before the store was asked.
	puts uint64
	// reload: the client wants nothing that was fetched before it asked.
	reload bool
	// stale is the entry that would answer the request if it were fresh enough: the
	// origin may confirm it.
	stale *Entry
	// spare is the same entry where it may stand in if the origin fails.
	spare *Entry
	// latest is what was stored last for the URL: its tags and Vary are a guess at
	// those of the response to come.
	latest *Entry
}

// Begin decides about a request. It waits for nobody, and may read the disk.
func (c *Cache) Begin(r *Request) Decision {
	d := Decision{arrived: c.fences.Generation(), drops: c.fences.drops.Load(), place: newPlace(r.Scheme, r.Host, r.Target)}
	d.asked = r.directives()
	if d.Outcome.Reason = r.bypass(); d.Outcome.Reason != "" {
		return d.passing(r)
	}
	d.visits = c.config.TTL.Seen(r.Client, c.config.Now())
	if c.config.IgnoreReload {
		d.asked.NoCache, d.asked.MaxAge, d.asked.MinFresh = false, httpfield.Absent, httpfield.Absent
	}
	d.reload = d.asked.NoCache || d.asked.MaxAge == 0
	c.lookUp(r, &d)
	switch {
	case d.Action == Serve:
	case d.asked.OnlyIfCached:
		return d.failed()
	case d.asked.NoStore, r.ranged() && d.spare == nil && (d.stale == nil || !d.stale.validators.any()):
		// A part is all that the client needs: the whole may be large.
		d.Action = Forward
	}
	return d
}

// passing decides about a request in which the cache takes no part. One that is to
// change something is sent to who can.
func (d Decision) passing(r *Request) Decision {
	if d.asked.OnlyIfCached && r.Safe() {
		return d.failed()
	}
	return d
}

func (d Decision) failed() Decision {
	d.Action, d.Outcome.Detail = Fail, "only-if-cached"
	return d
}

// lookUp completes a decision from what is stored: of the entries that answer the
// request the most recent.
func (c *Cache) lookUp(r *Request, d *Decision) {
	d.Action, d.Outcome.Reason, d.puts = Fetch, URIMiss, c.store.puts.Load()
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

// consider decides between serving an entry and asking the origin.
func (c *Cache) consider(d *Decision, e *Entry) {
	hard, softAt := e.covered(c.fences, d.arrived, d.drops)
	if hard {
		return
	}
	d.stale = e
	now := c.config.Now()
	stale := e.freshness.staleness(now, c.lifetime(d, e, now), softAt)
	if stale >= 0 {
		// A lifetime that was lengthened does not lengthen what comes after it.
		stale = max(stale, e.freshness.staleness(now, e.freshness.lifetime, softAt))
	}
	if stale >= 0 && stale < e.freshness.onError && !e.freshness.validate {
		d.spare = e
	}
	switch {
	case d.demands(e, now, stale):
		d.reload, d.Outcome.Reason = true, Demand
	case e.freshness.validate || !d.permits(e, stale):
		d.Outcome.Reason = Stale
	default:
		if e = c.store.load(e); e == nil {
			d.stale, d.spare = nil, nil
			return
		}
		c.store.used(e, now)
		d.Action, d.Entry = Serve, e
		d.Outcome = Outcome{Hit: true, TTL: remaining(stale), HasTTL: true}
		d.Refresh = stale >= 0 && stale < e.freshness.whileRevalidate && e.refreshing.CompareAndSwap(false, true)
	}
}

// demands tells whether the client wants something fresher (RFC 9111, sections
// 5.2.1.1, 5.2.1.3 and 5.2.1.4). One that merely reloads gets what cannot have changed.
func (d *Decision) demands(e *Entry, now time.Time, stale time.Duration) bool {
	switch asked := &d.asked; {
	case asked.NoCache:
		return true
	case asked.MaxAge == 0 && !(e.freshness.immutable && stale < 0), asked.MaxAge > 0 && e.freshness.age(now) > asked.MaxAge:
		return true
	case asked.MinFresh >= 0 && -stale < asked.MinFresh:
		return true
	}
	return false
}

// permits tells whether an entry is fresh or may be used though it is not. Who
// gives a max-age wants nothing stale, unless it says so (RFC 9111, section 5.2.1.1).
func (d *Decision) permits(e *Entry, stale time.Duration) bool {
	asked := &d.asked
	return stale < 0 || stale < e.freshness.whileRevalidate && (asked.MaxAge < 0 || asked.MaxStale >= 0) ||
		!e.freshness.strict && asked.MaxStale >= 0 && stale <= asked.MaxStale
}

// lifetime is how long an entry is fresh for who asks.
func (c *Cache) lifetime(d *Decision, e *Entry, now time.Time) time.Duration {
	if !c.config.TTL.Active() {
		return e.freshness.lifetime
	}
	return c.config.TTL.Lifetime(ttl.Context{
		Now: now, Lifetime: e.freshness.lifetime, Extend: !e.freshness.fixed, Visits: d.visits, Seed: e.seed(),
	})
}

// remaining is the opposite of the staleness, in seconds rounded down.
func remaining(stale time.Duration) int {
	n := -stale / time.Second
	if stale > 0 && stale%time.Second != 0 {
		n--
	}
	return int(n)
}

// ForRefresh gives the decision with which to refresh the entry just served.
func (d Decision) ForRefresh() Decision {
	d.Action, d.Refresh, d.latest, d.stale, d.Entry = Fetch, false, d.Entry, d.Entry, nil
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
		b.WriteString(selecting(h, name))
	}
	return b.String()
}
