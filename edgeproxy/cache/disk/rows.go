package disk

import (
	"database/sql"
	"errors"
	"fmt"

	"github.com/ringcast/ringcast/internal/sqlitedb"
)

// key is a record's place among those of its URL.
type key struct {
	id      int64
	variant string
}

// keys gives the records of the change's URL, newest first.
func (t *transaction) keys(c *change) (keys []key, err error) {
	hash := hashURL(c.url)
	// What has to go is looked for in the file itself, come what may: a removal that
	// removed nothing would bring back what was purged.
	if c.below == 0 && !t.presence.mayHave(hash) {
		return nil, nil
	}
	err = t.each(selectKeys, func(rows *sql.Rows) error {
		var k key
		err := rows.Scan(&k.id, &k.variant)
		keys = append(keys, k)
		return err
	}, hash, c.url)
	return keys, err
}

// remove removes a record, if it is there.
func (t *transaction) remove(id int64) error {
	var bytes, hash int64
	err := t.each(deleteHead, func(rows *sql.Rows) error { return rows.Scan(&bytes, &hash) }, id)
	if err != nil || bytes == 0 {
		return err
	}
	t.gone = append(t.gone, hash)
	t.meta.entries--
	t.meta.bytes -= bytes
	if t.meta.entries < 0 || t.meta.bytes < 0 || bytes < rowOverhead {
		return fmt.Errorf("%w: sizes contradict their total", sqlitedb.ErrDamaged)
	}
	return t.exec(deleteBody, id)
}

// ints gives the rows of one number.
func (t *transaction) ints(query statement, args ...any) (ints []int64, err error) {
	err = t.each(query, func(rows *sql.Rows) error {
		var n int64
		err := rows.Scan(&n)
		ints = append(ints, n)
		return err
	}, args...)
	return ints, err
}

func (t *transaction) each(query statement, row func(*sql.Rows) error, args ...any) (err error) {
	rows, err := t.stmt(query).QueryContext(t.ctx, args...)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	for rows.Next() {
		if err := row(rows); err != nil {
			return fmt.Errorf("%w: %w", sqlitedb.ErrDamaged, err) // a column of another type
		}
	}
	return rows.Err()
}

func (t *transaction) applyNotes(n *notes) error {
	for _, id := range n.uses() {
		if err := t.exec(updateUsed, t.clock, id); err != nil {
			return fmt.Errorf("note use: %w", err)
		}
	}
	for _, id := range n.removals() {
		if err := t.remove(id); err != nil {
			return fmt.Errorf("drop: %w", err)
		}
	}
	return nil
}
