package cache

import (
	"context"
	"database/sql"
)

// A row has room for one soft fence. Those since the last hard one are stored as
// one of the last generation and the earliest time: after a restart a response may
// count as stale too early, never too late.
const (
	nextGeneration = `INSERT INTO generation (id, value) VALUES (1, 1)
		ON CONFLICT (id) DO UPDATE SET value = value + 1 RETURNING value`
	putFence = `INSERT INTO fences (kind, selector, generation, soft_generation, soft_at, settle_until)
		VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT (kind, selector) DO UPDATE SET
		generation = max(generation, excluded.generation),
		soft_at = iif(0 IN (soft_generation, excluded.soft_generation), excluded.soft_at, min(soft_at, excluded.soft_at)),
		soft_generation = excluded.soft_generation,
		settle_until = max(settle_until, excluded.settle_until)`
)

func load(ctx context.Context, tx *sql.Tx) (generation uint64, t *table, err error) {
	row := tx.QueryRowContext(ctx, `SELECT coalesce(max(value), 0) FROM generation`)
	if err := row.Scan(&generation); err != nil {
		return 0, nil, err
	}
	rows, err := tx.QueryContext(ctx,
		`SELECT kind, selector, generation, soft_generation, soft_at, settle_until FROM fences`)
	if err != nil {
		return 0, nil, err
	}
	defer rows.Close()
	t = newTable()
	for rows.Next() {
		var s selector
		var fn fence
		var soft grace
		if err := rows.Scan(&s.kind, &s.text, &fn.hard, &soft.generation, &soft.at, &fn.settleUntil); err != nil {
			return 0, nil, err
		}
		if soft.generation != 0 {
			fn.soft = graces{soft}
		}
		t.put(s, fn)
	}
	return generation, t, rows.Err()
}

// write stores a change under the next generation.
func write(ctx context.Context, tx *sql.Tx, c change) (change, error) {
	var generation uint64
	if err := tx.QueryRowContext(ctx, nextGeneration).Scan(&generation); err != nil {
		return c, err
	}
	c.stamp(generation)
	if c.floor {
		if err := clearFences(ctx, tx, &c.fence); err != nil {
			return c, err
		}
	}
	return c, putFences(ctx, tx, c)
}

// clearFences drops all fences. Their settling times pass to the floor.
func clearFences(ctx context.Context, tx *sql.Tx, floor *fence) error {
	var settleUntil int64
	row := tx.QueryRowContext(ctx, `SELECT coalesce(max(settle_until), 0) FROM fences`)
	if err := row.Scan(&settleUntil); err != nil {
		return err
	}
	floor.settleUntil = max(floor.settleUntil, settleUntil)
	_, err := tx.ExecContext(ctx, `DELETE FROM fences`)
	return err
}

// putFences prepares its statement once: an invalidation has up to 2000 selectors, and
// a batch up to 100 invalidations.
func putFences(ctx context.Context, tx *sql.Tx, c change) error {
	if len(c.selectors) == 0 {
		return nil
	}
	stmt, err := tx.PrepareContext(ctx, putFence)
	if err != nil {
		return err
	}
	defer stmt.Close()
	var soft grace
	if len(c.fence.soft) > 0 {
		soft = c.fence.soft[0]
	}
	for _, s := range c.selectors {
		_, err := stmt.ExecContext(ctx, string(s.kind), s.text, int64(c.fence.hard), int64(soft.generation), soft.at, c.fence.settleUntil)
		if err != nil {
			return err
		}
	}
	return nil
}

func deleteFences(ctx context.Context, tx *sql.Tx, list []selector) error {
	stmt, err := tx.PrepareContext(ctx, `DELETE FROM fences WHERE kind = ? AND selector = ?`)
	if err != nil {
		return err
	}
	defer stmt.Close()
	for _, s := range list {
		if _, err := stmt.ExecContext(ctx, string(s.kind), s.text); err != nil {
			return err
		}
	}
	return nil
}
