package sqlite

import (
	"context"
	"fmt"
	"strings"
	"time"
)

// compactStep and compactStepBytes bound the rows of one transaction of the
// compaction, so that appends never wait long for it: to drop a row, SQLite reads all
// pages of it, and a batch or its record can have more than a megabyte.
const (
	compactStep      = 1000
	compactStepBytes = 8 << 20
)

// Compact implements eventlog.Log.
func (l *Log) Compact(ctx context.Context) error {
	now := l.cfg.Now()
	for _, step := range []func(*txn) (dropped int, err error){
		dropStates(now.Add(-l.cfg.Retention.Tombstone)),
		dropOldMoments(now.Add(-l.cfg.Retention.Moment)),
		dropExcessMoments(l.cfg.Retention.MomentMax),
		dropRequests(now.Add(-l.cfg.Retention.Request)),
		dropAudit(now.Add(-l.cfg.Retention.Audit)),
	} {
		if err := l.repeat(ctx, step); err != nil {
			return fmt.Errorf("compact: %w", err)
		}
	}
	return nil
}

// repeat runs a step through the writer until it has nothing left to drop.
func (l *Log) repeat(ctx context.Context, step func(*txn) (int, error)) error {
	for dropped := 1; dropped > 0; {
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
		due, err := tx.dueEvents(`stale_since <= ? LIMIT ?`, cutoff.Unix(), compactStep)
		if err != nil || len(due) == 0 {
			return 0, err
		}
		for _, e := range due {
			if err := tx.drop(e.key, e.entities); err != nil {
				return 0, err
			}
			tx.head.Horizon = max(tx.head.Horizon, uint64(e.key))
		}
		return len(due), tx.saveHorizons()
	}
}

// due is what dropping a row needs to know of it: never its contents, which of a
// thousand rows may be a gigabyte.
type due struct {
	// key is the row's integer key: an event's position.
	key int64
	// entities are an event's, as the table has them.
	entities string
}

// due finds the rows of one step. The query gives the columns of a due, and between
// them the bytes of the row's contents.
func (tx *txn) due(query string, args ...any) (found []due, err error) {
	rows, err := tx.conn.QueryContext(tx.ctx, query, args...)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for bytes := 0; bytes < compactStepBytes && rows.Next(); {
		var d due
		var size int
		if err := rows.Scan(&d.key, &size, &d.entities); err != nil {
			return nil, err
		}
		found, bytes = append(found, d), bytes+size
	}
	return found, rows.Err()
}

// dueEvents is due of the events that meet a condition.
func (tx *txn) dueEvents(condition string, args ...any) ([]due, error) {
	return tx.due(`SELECT position, length(data), entities FROM events WHERE `+condition, args...)
}

// drop deletes a state event, and its entities unless they have a later one.
func (tx *txn) drop(position int64, entities string) error {
	for entity := range strings.SplitSeq(entities, "\n") {
		tx.allows.drop(entity)
		if _, err := tx.conn.ExecContext(tx.ctx, `DELETE FROM entities WHERE entity = ? AND position = ?`, entity, position); err != nil {
			return err
		}
	}
	_, err := tx.stmt.forget.ExecContext(tx.ctx, position)
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
	due, err := tx.dueEvents(condition+` ORDER BY position LIMIT ?`, append(args, limit)...)
	if err != nil || len(due) == 0 {
		return 0, err
	}
	for _, e := range due {
		if _, err := tx.stmt.forget.ExecContext(tx.ctx, e.key); err != nil {
			return 0, err
		}
		tx.head.MomentHorizon = max(tx.head.MomentHorizon, uint64(e.key))
	}
	return len(due), tx.saveHorizons()
}

func (tx *txn) saveHorizons() error {
	_, err := tx.conn.ExecContext(tx.ctx, `UPDATE head SET horizon = ?, moment_horizon = ?`,
		int64(tx.head.Horizon), int64(tx.head.MomentHorizon))
	return err
}

// dropRequests drops what no reader's position depends on, as dropAudit does.
func dropRequests(cutoff time.Time) func(*txn) (int, error) {
	return func(tx *txn) (int, error) {
		result, err := tx.conn.ExecContext(tx.ctx, `DELETE FROM requests
			WHERE (principal, id) IN (SELECT principal, id FROM requests WHERE time <= ? LIMIT ?)`, cutoff.Unix(), compactStep)
		if err != nil {
			return 0, err
		}
		n, err := result.RowsAffected()
		return int(n), err
	}
}

func dropAudit(cutoff time.Time) func(*txn) (int, error) {
	return func(tx *txn) (int, error) {
		due, err := tx.due(`SELECT id, octet_length(detail), '' FROM audit WHERE time <= ? LIMIT ?`, cutoff.Unix(), compactStep)
		if err != nil {
			return 0, err
		}
		for _, record := range due {
			if _, err := tx.conn.ExecContext(tx.ctx, `DELETE FROM audit WHERE id = ?`, record.key); err != nil {
				return 0, err
			}
		}
		return len(due), nil
	}
}
