package cache

import (
	"context"
	"database/sql"
	"fmt"
)

// RaiseTo makes sure that the generation is not below the given one: that of the
// latest entry on disk, whose file may have outlived the latest commits of the
// state file. Fences to come are above it then. It is called before the cache is
// used.
func (f *Fences) RaiseTo(ctx context.Context, state Updater, generation uint64) error {
	if f.Generation() >= generation {
		return nil
	}
	err := state.Update(ctx, func(tx *sql.Tx) (func(), error) {
		_, err := tx.ExecContext(ctx, `INSERT INTO generation (id, value) VALUES (1, ?1)
			ON CONFLICT (id) DO UPDATE SET value = max(value, ?1)`, int64(generation))
		return func() {
			f.mu.Lock()
			defer f.mu.Unlock()
			f.generation.Store(max(f.generation.Load(), generation))
		}, err
	})
	if err != nil {
		return fmt.Errorf("raise generation: %w", err)
	}
	return nil
}
