package deny

import (
	"cmp"
	"context"
	"database/sql"
	"encoding/binary"
	"hash/maphash"
	"slices"
	"strings"
)

// rowsPerInsert is how many rows share an INSERT: a statement costs as much as
// several rows. SQLite allows 32766 values in one.
const rowsPerInsert = 1000

// row is an edit of one row.
type row[E any] interface {
	removed() bool
	// over gives what the edit and the one of the same row before it come to.
	over(earlier E) E
	// near orders most rows as their keys do.
	near() near
	// removal gives the values of the statement that removes the row.
	removal() []any
	// values appends all columns.
	values(dst []any) []any
}

// write brings the edits to the tables of a slot, close rows together so
// that each page is touched once, and gives what changes in the index.
func (e *edits) write(ctx context.Context, tx *sql.Tx, slot int, seed maphash.Seed) ([]change, error) {
	bans, err := writeBans(ctx, tx, slot, e.bans)
	if err != nil {
		return nil, err
	}
	allows, err := writeAllows(ctx, tx, slot, e.allows)
	if err != nil {
		return nil, err
	}
	tokens, err := writeTokens(ctx, tx, slot, seed, e.tokens)
	if err != nil {
		return nil, err
	}
	return slices.Concat(bans, allows, tokens), nil
}

// latest gives what the edits of each row come to, those that remove and those that write,
// with rows that are close to one another in a sequence.
func latest[E row[E]](edits []E, compare func(a, b *E) int) (gone, kept []E) {
	// Edits are large and far apart in memory: sort small stand-ins.
	type place struct {
		near near
		at   int
	}
	places := make([]place, len(edits))
	for i := range edits {
		places[i] = place{edits[i].near(), i}
	}
	same := func(a, b place) int {
		if a.near != b.near {
			return a.near.compare(b.near)
		}
		return compare(&edits[a.at], &edits[b.at])
	}
	slices.SortFunc(places, func(a, b place) int { return cmp.Or(same(a, b), a.at-b.at) })
	kept = make([]E, 0, len(edits))
	var sum E
	for i, again := 0, false; i < len(places); i++ {
		e := edits[places[i].at]
		if again {
			e = e.over(sum)
		}
		again = i+1 < len(places) && same(places[i], places[i+1]) == 0
		switch {
		case again:
			sum = e
		case e.removed():
			gone = append(gone, e)
		default:
			kept = append(kept, e)
		}
	}
	return gone, kept
}

// near is the beginning of a text, which orders texts as far as it goes: it goes
// to the end of an IPv4 address.
type near struct{ high, low uint64 }

func nearOf(text string) near {
	var first [16]byte
	copy(first[:], text)
	return near{binary.BigEndian.Uint64(first[:8]), binary.BigEndian.Uint64(first[8:])}
}

func (n near) compare(other near) int {
	return cmp.Or(cmp.Compare(n.high, other.high), cmp.Compare(n.low, other.low))
}

func remove[R row[R]](ctx context.Context, tx *sql.Tx, query string, rows []R) error {
	if len(rows) == 0 {
		return nil
	}
	stmt, err := tx.PrepareContext(ctx, query)
	if err != nil {
		return err
	}
	defer stmt.Close()
	for _, r := range rows {
		if _, err := stmt.ExecContext(ctx, r.removal()...); err != nil {
			return err
		}
	}
	return nil
}

// insert writes rows over those with the same key.
func insert[R row[R]](ctx context.Context, tx *sql.Tx, table string, columns int, rows []R) error {
	size := min(len(rows), rowsPerInsert)
	if size == 0 {
		return nil
	}
	stmt, err := tx.PrepareContext(ctx, replaceSQL(table, columns, size))
	if err != nil {
		return err
	}
	defer stmt.Close()
	args := make([]any, 0, size*columns)
	for ; len(rows) >= size; rows = rows[size:] {
		args = args[:0]
		for _, r := range rows[:size] {
			args = r.values(args)
		}
		if err := execute(ctx, stmt, args); err != nil {
			return err
		}
	}
	return insert(ctx, tx, table, columns, rows)
}

// execute runs a statement that gives no rows. The driver hands the values of a
// query to SQLite in one call, where an Exec takes a call for each.
func execute(ctx context.Context, stmt *sql.Stmt, args []any) error {
	rows, err := stmt.QueryContext(ctx, args...)
	if err != nil {
		return err
	}
	defer rows.Close()
	rows.Next()
	return rows.Err()
}

func replaceSQL(table string, columns, rows int) string {
	row := "(?" + strings.Repeat(", ?", columns-1) + ")"
	return "INSERT OR REPLACE INTO " + table + " VALUES " + row + strings.Repeat(", "+row, rows-1)
}
