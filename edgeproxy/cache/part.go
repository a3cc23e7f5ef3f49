package cache

import (
	"context"
	"database/sql"
	"fmt"

	"github.com/ringcast/ringcast/internal/sqlitedb"
	"github.com/ringcast/ringcast/internal/wire"
)

// Load reads the fences of an earlier run.
func (f *Fences) Load(ctx context.Context, db *sqlitedb.DB) error {
	tx, err := db.Read.BeginTx(ctx, nil)
	if err != nil {
		return fmt.Errorf("load fences: %w", err)
	}
	defer func() { _ = tx.Rollback() }() // nothing was written
	generation, loaded, err := load(ctx, tx)
	if err != nil {
		return fmt.Errorf("load fences: %w", err)
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.table = loaded
	f.generation.Store(generation)
	return nil
}

// Apply fences what the invalidations among events select. Other events are not
// its own and are passed over. An error wraps wire.ErrUndecodable where the
// settling time of one is no duration.
func (f *Fences) Apply(ctx context.Context, tx *sql.Tx, events []any) (publish func(), err error) {
	var changes []change
	added := newAdditions()
	for _, event := range events {
		invalidated, ok := event.(*wire.CacheInvalidated)
		if !ok {
			continue
		}
		c, err := f.plan(invalidated, added)
		if err == nil && len(c.selectors) > 0 {
			c, err = write(ctx, tx, c)
			changes = append(changes, c)
		}
		if err != nil {
			return nil, fmt.Errorf("fence: %w", err)
		}
	}
	return func() { f.publish(changes) }, nil
}

// fenceOwn fences what the edge itself found to have changed.
func (f *Fences) fenceOwn(ctx context.Context, tx *sql.Tx, list []selector) (publish func(), err error) {
	c := change{selectors: list}
	if !f.fits(c.selectors, newAdditions()) {
		c = floor(fence{})
	}
	if c, err = write(ctx, tx, c); err != nil {
		return nil, fmt.Errorf("fence: %w", err)
	}
	return func() { f.publish([]change{c}) }, nil
}

// Gap fences everything: an invalidation that was lost may have meant anything.
func (f *Fences) Gap(ctx context.Context, tx *sql.Tx) (publish func(), err error) {
	return f.raise(ctx, tx)
}

// Aside has nothing to do: a reset brings state events, which are bans and tokens,
// and Switch covers whatever was invalidated before.
func (f *Fences) Aside(context.Context, *sql.Tx, []any) error { return nil }

// Switch fences everything.
func (f *Fences) Switch(ctx context.Context, tx *sql.Tx) (publish func(), err error) {
	return f.raise(ctx, tx)
}

// Abandon has nothing to do, as Aside has not.
func (f *Fences) Abandon(context.Context, *sql.Tx) error { return nil }

func (f *Fences) raise(ctx context.Context, tx *sql.Tx) (publish func(), err error) {
	c, err := write(ctx, tx, floor(fence{}))
	if err != nil {
		return nil, fmt.Errorf("fence everything: %w", err)
	}
	return func() { f.publish([]change{c}) }, nil
}
