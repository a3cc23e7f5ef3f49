package deny

import (
	"context"
	"database/sql"
	"fmt"

	"github.com/ringcast/ringcast/internal/wire"
)

// expireBans drops expired bans.
func (l *List) expireBans(ctx context.Context, store Store) error {
	const query = `SELECT DISTINCT prefix FROM bans
		WHERE prefix > ? AND expires_at BETWEEN 1 AND ? ORDER BY prefix LIMIT ?`
	until := l.expired()
	find := func(after string) ([]string, error) {
		return collect(ctx, l.read, func(rows *sql.Rows, text *string) error { return rows.Scan(text) },
			query, after, until, tidyRows)
	}
	drop := func(tx *sql.Tx, text string) (change, bool, error) { return expireBan(ctx, tx, l.slot, text, until) }
	if err := expire(ctx, l, store, find, drop); err != nil {
		return fmt.Errorf("drop expired bans: %w", err)
	}
	return nil
}

// expireAllows drops expired allow entries.
func (l *List) expireAllows(ctx context.Context, store Store) error {
	const query = `SELECT prefix FROM allows
		WHERE prefix > ? AND expires_at BETWEEN 1 AND ? ORDER BY prefix LIMIT ?`
	until := l.expired()
	find := func(after string) ([]string, error) {
		return collect(ctx, l.read, func(rows *sql.Rows, text *string) error { return rows.Scan(text) },
			query, after, until, tidyRows)
	}
	drop := func(tx *sql.Tx, text string) (change, bool, error) { return expireAllow(ctx, tx, l.slot, text, until) }
	if err := expire(ctx, l, store, find, drop); err != nil {
		return fmt.Errorf("drop expired allow entries: %w", err)
	}
	return nil
}

// expireTokens drops expired revocations.
func (l *List) expireTokens(ctx context.Context, store Store) error {
	const query = `SELECT kind, name FROM revocations
		WHERE (kind, name) > (?, ?) AND expires_at BETWEEN 1 AND ? ORDER BY kind, name LIMIT ?`
	until := l.expired()
	find := func(after tokenKey) ([]tokenKey, error) {
		return collect(ctx, l.read, func(rows *sql.Rows, k *tokenKey) error { return rows.Scan(&k.kind, &k.name) },
			query, string(after.kind), after.name, until, tidyRows)
	}
	drop := func(tx *sql.Tx, k tokenKey) (change, bool, error) {
		gone, err := drops(ctx, tx, `DELETE FROM `+tokenTable(l.slot)+
			` WHERE kind = ? AND name = ? AND expires_at BETWEEN 1 AND ?`, string(k.kind), k.name, until)
		return change{token: tokenSum(l.seed, k.kind, k.name)}, gone, err
	}
	if err := expire(ctx, l, store, find, drop); err != nil {
		return fmt.Errorf("drop expired revocations: %w", err)
	}
	return nil
}

type tokenKey struct {
	kind Kind
	name string
}

// expire looks for keys, tidyRows at a time, and drops what they name unless it
// was renewed meanwhile.
func expire[K any](ctx context.Context, l *List, store Store,
	find func(after K) ([]K, error), drop func(*sql.Tx, K) (change, bool, error),
) error {
	var last K
	for {
		keys, err := find(last)
		if err != nil || len(keys) == 0 {
			return err
		}
		err = store.Update(ctx, func(tx *sql.Tx) (func(), error) {
			var changes []change
			for _, key := range keys {
				c, gone, err := drop(tx, key)
				if err != nil {
					return nil, err
				}
				if gone {
					changes = append(changes, c)
				}
			}
			return func() { l.publish(changes) }, nil
		})
		if err != nil {
			return err
		}
		last = keys[len(keys)-1]
	}
}

// expireBan drops the expired rows of a prefix, of which others may remain.
func expireBan(ctx context.Context, tx *sql.Tx, slot int, text string, until int64) (change, bool, error) {
	prefix, err := wire.ParsePrefix(text)
	if err != nil {
		return change{}, false, err
	}
	gone, err := drops(ctx, tx, `DELETE FROM `+banTable(slot)+` WHERE prefix = ? AND expires_at BETWEEN 1 AND ?`, text, until)
	if err != nil || !gone {
		return change{}, false, err
	}
	present, err := isBanned(ctx, tx, slot, text)
	return change{prefix: prefix, present: present}, true, err
}

// expireAllow drops the expired entry of a prefix.
func expireAllow(ctx context.Context, tx *sql.Tx, slot int, text string, until int64) (change, bool, error) {
	prefix, err := wire.ParsePrefix(text)
	if err != nil {
		return change{}, false, err
	}
	gone, err := drops(ctx, tx, `DELETE FROM `+allowTable(slot)+` WHERE prefix = ? AND expires_at BETWEEN 1 AND ?`, text, until)
	return change{prefix: prefix, allow: true}, gone, err
}

// drops tells whether the statement removed any row.
func drops(ctx context.Context, tx *sql.Tx, query string, args ...any) (bool, error) {
	result, err := tx.ExecContext(ctx, query, args...)
	if err != nil {
		return false, err
	}
	rows, err := result.RowsAffected()
	return rows > 0, err
}

func collect[K any](ctx context.Context, db *sql.DB, scan func(*sql.Rows, *K) error, query string, args ...any) ([]K, error) {
	rows, err := db.QueryContext(ctx, query, args...)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var keys []K
	for rows.Next() {
		var key K
		if err := scan(rows, &key); err != nil {
			return nil, err
		}
		keys = append(keys, key)
	}
	return keys, rows.Err()
}
