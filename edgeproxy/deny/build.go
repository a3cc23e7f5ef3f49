package deny

import (
	"context"
	"database/sql"
	"fmt"
	"hash/maphash"
	"strings"

	"github.com/ringcast/ringcast/internal/wire"
)

// buildRows is how many prefixes a query gives at once, joined, since a row costs
// more than what is in it. It bounds how long the text is.
const buildRows = 1000

// build makes the index from the rows, if there is none. Changes meanwhile are
// kept and applied at the end; each says what a row is now, so it does not matter
// which of them were read already. A switch meanwhile brings an index of its own.
func (l *List) build(ctx context.Context) error {
	slot, needed := l.beginBuild()
	if !needed {
		return nil
	}
	built := newIndex()
	err := built.read(ctx, l.read, slot, l.seed)
	l.endBuild(built, err == nil)
	return err
}

func (l *List) beginBuild() (slot int, needed bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.building = l.index == nil
	return l.slot, l.building
}

func (l *List) endBuild(built *index, complete bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if complete && l.building {
		built.apply(l.missed)
		l.index = built
	}
	l.missed, l.building = nil, false
}

// querier is a *sql.DB or a *sql.Tx.
type querier interface {
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
	QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row
}

func (i *index) read(ctx context.Context, q querier, slot int, seed maphash.Seed) error {
	if err := i.readBans(ctx, q, slot); err != nil {
		return fmt.Errorf("index bans: %w", err)
	}
	if err := i.readAllows(ctx, q, slot); err != nil {
		return fmt.Errorf("index allow entries: %w", err)
	}
	if err := i.readTokens(ctx, q, slot, seed); err != nil {
		return fmt.Errorf("index revocations: %w", err)
	}
	return nil
}

func (i *index) readBans(ctx context.Context, q querier, slot int) error {
	query := `SELECT coalesce(group_concat(prefix, ' '), ''), coalesce(max(prefix), '') FROM
		(SELECT prefix FROM ` + banTable(slot) + ` WHERE prefix > ? ORDER BY prefix LIMIT ?)`
	var joined, last string
	for {
		if err := q.QueryRowContext(ctx, query, last, buildRows).Scan(&joined, &last); err != nil {
			return err
		}
		if joined == "" {
			return nil
		}
		for text := range strings.SplitSeq(joined, " ") {
			prefix, err := wire.ParsePrefix(text)
			if err != nil {
				return err
			}
			i.prefixes.Insert(prefix)
		}
	}
}

func (i *index) readAllows(ctx context.Context, q querier, slot int) error {
	rows, err := q.QueryContext(ctx, `SELECT prefix, expires_at FROM `+allowTable(slot))
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		var text string
		var expiresAt int64
		if err := rows.Scan(&text, &expiresAt); err != nil {
			return err
		}
		prefix, err := wire.ParsePrefix(text)
		if err != nil {
			return err
		}
		i.allows.Insert(prefix, expiresAt)
	}
	return rows.Err()
}

func (i *index) readTokens(ctx context.Context, q querier, slot int, seed maphash.Seed) error {
	rows, err := q.QueryContext(ctx, `SELECT kind, name FROM `+tokenTable(slot))
	if err != nil {
		return err
	}
	defer rows.Close()
	var kind Kind
	var name sql.RawBytes
	for rows.Next() {
		if err := rows.Scan(&kind, &name); err != nil {
			return err
		}
		i.tokens[tokenSum(seed, kind, string(name))] = struct{}{}
	}
	return rows.Err()
}
