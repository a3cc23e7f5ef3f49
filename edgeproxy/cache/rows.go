package cache

import (
	"context"
	"database/sql"
)

const (
	nextGeneration = `INSERT INTO generation (id, value) VALUES (1, 1)
		ON CONFLICT (id) DO UPDATE SET value = value + 1 RETURNING value`
	putFence = `INSERT INTO fences (kind, selector, generation, soft_generation, soft_at, settle_until)
		VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT (kind, selector) DO UPDATE SET
		generation = max(generation, excluded.generation),
		soft_at = iif(excluded.soft_generation > soft_generation, excluded.soft_at, soft_at),
		soft_generation = max(soft_generation, excluded.soft_generation),
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
		if err := rows.Scan(&s.kind, &s.text, &fn.hard, &fn.soft, &fn.softAt, &fn.settleUntil); err != nil {
			return 0, nil, err
		}
		t.put(s, fn)
	}
	return generation, t, rows.Err()
}

// write stores a change under the next generation.
func write(ctx context.Context, tx *sql.Tx, c change) (change, error) {
	if err := tx.QueryRowContext(ctx, nextGeneration).Scan(&c.generation); err != nil {
		return c, err
	}
	if c.fence.softAt != 0 && !c.floor {
		c.fence.soft = c.generation
	} else {
		c.fence.hard = c.generation
	}
	if c.floor {
		if err := clearFences(ctx, tx, &c.fence); err != nil {
			return c, err
		}
	}
	for _, s := range c.selectors {
		if err := putSelector(ctx, tx, s, c.fence); err != nil {
			return c, err
		}
	}
	return c, nil
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

func putSelector(ctx context.Context, tx *sql.Tx, s selector, f fence) error {
	_, err := tx.ExecContext(ctx, putFence, string(s.kind), s.text,
		int64(f.hard), int64(f.soft), f.softAt, f.settleUntil)
	return err
}
