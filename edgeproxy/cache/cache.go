package cache

import (
	"context"
	"database/sql"
	"sync"
	"sync/atomic"
	"time"

	"github.com/ringcast/ringcast/edgeproxy/cache/disk"
	"github.com/ringcast/ringcast/edgeproxy/cache/ttl"
)

// Updater runs transactions on the edge's state file, one at a time. Update
// commits what fn wrote and then calls publish, before the next transaction
// begins; where it returns an error nothing was committed.
type Updater interface {
	Update(ctx context.Context, fn func(tx *sql.Tx) (publish func(), err error)) error
}

// Config says what a cache may use. Bounds below 1 store nothing.
type Config struct {
	// MaxBytes bounds the memory of what is stored, in bytes. Bodies that are being
	// fetched, or were and still have readers, may take as much again.
	MaxBytes int64
	// MaxEntries bounds the number of stored responses.
	MaxEntries int64
	// MaxObject is the longest body that is stored, in bytes. Longer ones pass.
	MaxObject int64
	// ExposeTags leaves the tag fields in the answers.
	ExposeTags bool
	// IgnoreReload passes over what requests say of how fresh an answer they want
	// (no-cache, max-age and min-fresh), so that no client can make the origin work.
	IgnoreReload bool
	// TTL lengthens or shortens how long a response is fresh for who asks; nil keeps
	// to RFC 9111.
	TTL *ttl.Pipeline
	// Disk holds what does not fit into memory, and what a restart finds; nil for
	// none. The cache does not run or close it.
	Disk *disk.Store
	// Now is the clock, time.Now where nil.
	Now func() time.Time
}

// Cache decides what becomes of a request, holds what is stored and shares
// fetches. It may be used by many goroutines.
type Cache struct {
	config Config
	fences *Fences
	state  Updater
	store  *store
	passes *passes

	// off: a bound is below 1, so that nothing is stored.
	off bool
	// filling is the memory of the bodies on their way, to here or to their readers.
	filling atomic.Int64

	// mu guards the fields below. The locks of a flight, of its body, of the fences,
	// of the store and of the passes are taken under it, never the other way.
	mu sync.Mutex
	// open are the flights that others may join, by flight key; byURL all that
	// may store something.
	open   map[string]*flight
	byURL  map[string]map[*flight]struct{}
	closed bool
	// runners are the goroutines of the flights.
	runners *runners
}

// New gives an empty cache. What state commits, fences puts in force.
func New(config Config, fences *Fences, state Updater) *Cache {
	off := config.MaxBytes < 1 || config.MaxEntries < 1
	config.MaxBytes, config.MaxEntries = max(config.MaxBytes, 1), max(config.MaxEntries, 1)
	config.MaxObject = min(config.MaxObject, config.MaxBytes)
	if config.Now == nil {
		config.Now = time.Now
	}
	return &Cache{
		config: config, off: off, fences: fences, state: state,
		store: newStore(config.MaxBytes, config.MaxEntries, config.Disk, config.ExposeTags), passes: newPasses(config.Now),
		open: map[string]*flight{}, byURL: map[string]map[*flight]struct{}{}, runners: newRunners(),
	}
}

// Now reads the cache's clock.
func (c *Cache) Now() time.Time { return c.config.Now() }

// Answered is told the status of each answer, for what clients are known by: those of
// the requests that Begin counts, so that faults are a share of these.
func (c *Cache) Answered(r *Request, status int) {
	if status >= 400 && status < 500 && r.bypass() == "" {
		c.config.TTL.Misbehaved(r.Client, c.config.Now())
	}
}

// HideTags removes the tag fields, unless the configuration exposes them.
func (c *Cache) HideTags(h Header) {
	if c.config.ExposeTags {
		return
	}
	for _, name := range tagFields {
		delete(h, name)
	}
}

// Stats are numbers for metrics.
type Stats struct {
	// URLs for which something is stored, about.
	URLs int
	// Fetches is the number of URLs with a fetch under way.
	Fetches int
	// Fences and Generation are those of the invalidations.
	Fences     int
	Generation uint64
}

// Stats counts what the cache holds.
func (c *Cache) Stats() Stats {
	c.mu.Lock()
	fetches := len(c.byURL)
	c.mu.Unlock()
	return Stats{
		URLs: c.store.len(), Fetches: fetches,
		Fences: c.fences.Len(), Generation: c.fences.Generation(),
	}
}

// Close ends the fetches under way and waits for them. It can be called again.
func (c *Cache) Close() {
	c.mu.Lock()
	c.closed = true
	for _, flights := range c.byURL {
		for f := range flights {
			f.cancel()
		}
	}
	c.mu.Unlock()
	c.runners.close()
}
