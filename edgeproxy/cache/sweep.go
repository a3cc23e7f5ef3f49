package cache

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"time"
)

const (
	// sweepEvery is how long what invalidations made useless is left alone: until
	// then it only takes room. sweepCheck is how often a table that fills up is noticed.
	sweepEvery = time.Minute
	sweepCheck = time.Second
	// sweepBatch is how many rows of the disk are looked at in one go, and
	// sweepIdle the share of the time in between, so that lookups come first.
	sweepBatch = 500
	sweepIdle  = 3
)

// Run frees what invalidations made useless, and then the fences that cover
// nothing any more, until ctx ends.
func (c *Cache) Run(ctx context.Context, log *slog.Logger) error {
	ticker := time.NewTicker(sweepCheck)
	defer ticker.Stop()
	var last time.Time
	for {
		select {
		case <-ctx.Done():
			return nil
		case now := <-ticker.C:
			fences := c.fences.pending()
			if fences == 0 || now.Sub(last) < sweepEvery && fences < c.fences.max/2 {
				continue
			}
			if err := c.sweep(ctx); err != nil && ctx.Err() == nil {
				log.Error("cache was not swept; fences stay", "error", err)
			}
			last = time.Now()
		}
	}
}

// sweep looks at everything that is stored once. Fences go only when whatever they
// cover is gone for good, on disk and in memory.
func (c *Cache) sweep(ctx context.Context) error {
	passed := c.fences.passed(c.horizon())
	if passed.empty() {
		return nil
	}
	if c.store.disk != nil {
		if err := c.sweepDisk(ctx, passed); err != nil {
			return fmt.Errorf("sweep disk: %w", err)
		}
	}
	c.store.settle()
	c.sweepMemory(passed)
	return c.fences.drop(ctx, c.state, passed)
}

// horizon is a point before which no fetch began that can still store something.
type horizon struct {
	generation uint64
	at         time.Time
}

func (c *Cache) horizon() horizon {
	c.mu.Lock()
	defer c.mu.Unlock()
	h := horizon{c.fences.Generation(), c.config.Now()}
	for _, flights := range c.byURL {
		for f := range flights {
			h.generation = min(h.generation, f.began)
			if f.beganAt.Before(h.at) {
				h.at = f.beganAt
			}
		}
	}
	return h
}

// sweepDisk returns when what it removed cannot come back, not even after a loss
// of power.
func (c *Cache) sweepDisk(ctx context.Context, passed *table) error {
	disk := c.store.disk
	if err := disk.Sync(ctx); err != nil { // what is queued was stored before
		return err
	}
	for after := int64(0); ; {
		start := time.Now()
		rows, err := disk.Scan(ctx, after, sweepBatch)
		if err != nil {
			return err
		}
		removed := 0
		for _, row := range rows {
			if e, err := decodeHead(row.URL, row.Generation, row.Head); err != nil || passed.covers(e) {
				c.removeCovered(row.URL, passed)
				removed++
			}
			after = row.ID
		}
		if removed > 0 {
			if err := disk.Sync(ctx); err != nil {
				return err
			}
		}
		if len(rows) < sweepBatch {
			return disk.Checkpoint(ctx)
		}
		if err := rest(ctx, sweepIdle*time.Since(start)); err != nil {
			return err
		}
	}
}

// removeCovered removes from disk what is there for a URL, but for what memory has
// and may stay.
func (c *Cache) removeCovered(url string, passed *table) {
	c.mu.Lock() // nothing newer is put in between
	defer c.mu.Unlock()
	c.store.disk.Remove(url)
	found, ok := c.store.resources.GetEntryQuietly(url)
	if !ok {
		return
	}
	for _, e := range slices.Backward(found.Value.variants) { // the latest gets the highest id
		if e.whole && !passed.covers(e) {
			c.store.write(e)
		}
	}
}

func rest(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-timer.C:
		return nil
	}
}

func (c *Cache) sweepMemory(passed *table) {
	for _, r := range c.store.resources.All() {
		for _, e := range r.variants {
			if passed.covers(e) {
				c.store.forget(e)
			}
		}
	}
}

func (t *table) covers(e *Entry) bool {
	v := t.judge(e.began, &e.place, e.tags)
	return v.fenced()
}
