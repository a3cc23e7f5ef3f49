package sqlite

import (
	"context"
	"fmt"
	"time"
)

// compactStep bounds the rows of one transaction of the compaction, so that
// appends never wait long for it.
const compactStep = 1000

// Compact implements eventlog.Log.
func (l *Log) Compact(ctx context.Context) error {
	now := l.cfg.Now()
	for _, step := range []func(*txn) (dropped int, err error){
		dropStates(now.Add(-l.cfg.Retention.Tombstone)),
		dropOldMoments(now.Add(-l.cfg.Retention.Moment)),
		dropExcessMoments(l.cfg.Retention.MomentMax),
		dropRows(`requests`, `principal, id`, now.Add(-l.cfg.Retention.Request)),
		dropRows(`audit`, `id`, now.Add(-l.cfg.Retention.Audit)),
	} {
		if err := l.repeat(ctx, step); err != nil {
			return fmt.Errorf("compact: %w", err)
		}
	}
	return nil
}

// repeat runs a step through the writer until it has nothing left to drop.
func (l *Log) repeat(ctx context.Context, step func(*txn) (int, error)) error {
	for dropped := compactStep; dropped == compactStep; {
		err := l.submit(ctx, &job{ctx: ctx, step: func(ctx context.Context) error {
			return l.writer.update(ctx, func(tx *txn) (err error) {
				dropped, err = step(tx)
				return err
			})
		}})
		if err != nil {
			return err
		}
	}
	return nil
}

// dropStates drops state events that have told nothing but an absence since the
// cutoff. They have no successor, so the horizon rises.
func dropStates(cutoff time.Time) func(*txn) (int, error) {
	return func(tx *txn) (int, error) {
		rows, err := readEvents(tx.ctx, tx.conn,
			`SELECT `+eventColumns+` FROM events WHERE stale_since <= ? LIMIT ?`, cutoff.Unix(), compactStep)
		if err != nil || len(rows) == 0 {
			return 0, err
		}
		for _, row := range rows {
			if err := tx.drop(row.event.Position, row.event.Entities); err != nil {
				return 0, err
			}
			tx.head.Horizon = max(tx.head.Horizon, row.event.Position)
		}
		return len(rows), tx.saveHorizons()
	}
}

// drop deletes a state event, and its entities unless they have a later one.
func (tx *txn) drop(position uint64, entities []string) error {
	for _, entity := range entities {
		tx.allows.drop(entity)
		if _, err := tx.conn.ExecContext(tx.ctx, `DELETE FROM entities WHERE entity = ? AND position = ?`, entity, int64(position)); err != nil {
			return err
		}
	}
	_, err := tx.stmt.forget.ExecContext(tx.ctx, int64(position))
	return err
}

func dropOldMoments(cutoff time.Time) func(*txn) (int, error) {
	return func(tx *txn) (int, error) {
		return tx.dropMoments(`kind = 2 AND time <= ?`, compactStep, cutoff.Unix())
	}
}

func dropExcessMoments(most int) func(*txn) (int, error) {
	return func(tx *txn) (int, error) {
		var n int
		if err := tx.conn.QueryRowContext(tx.ctx, `SELECT count(*) FROM events WHERE kind = 2`).Scan(&n); err != nil {
			return 0, err
		}
		if n <= most {
			return 0, nil
		}
		return tx.dropMoments(`kind = 2`, min(n-most, compactStep))
	}
}

// dropMoments drops the first moment events that meet a condition, and raises
// their horizon.
func (tx *txn) dropMoments(condition string, limit int, args ...any) (int, error) {
	rows, err := readEvents(tx.ctx, tx.conn,
		`SELECT `+eventColumns+` FROM events WHERE `+condition+` ORDER BY position LIMIT ?`, append(args, limit)...)
	if err != nil || len(rows) == 0 {
		return 0, err
	}
	for _, row := range rows {
		if _, err := tx.stmt.forget.ExecContext(tx.ctx, int64(row.event.Position)); err != nil {
			return 0, err
		}
		tx.head.MomentHorizon = max(tx.head.MomentHorizon, row.event.Position)
	}
	return len(rows), tx.saveHorizons()
}

func (tx *txn) saveHorizons() error {
	_, err := tx.conn.ExecContext(tx.ctx, `UPDATE head SET horizon = ?, moment_horizon = ?`,
		int64(tx.head.Horizon), int64(tx.head.MomentHorizon))
	return err
}

// dropRows drops old rows that no reader's position depends on.
func dropRows(table, key string, cutoff time.Time) func(*txn) (int, error) {
	query := fmt.Sprintf(`DELETE FROM %[1]s WHERE (%[2]s) IN (SELECT %[2]s FROM %[1]s WHERE time <= ? LIMIT ?)`, table, key)
	return func(tx *txn) (int, error) {
		result, err := tx.conn.ExecContext(tx.ctx, query, cutoff.Unix(), compactStep)
		if err != nil {
			return 0, err
		}
		n, err := result.RowsAffected()
		return int(n), err
	}
}
