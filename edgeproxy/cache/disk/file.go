package disk

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"github.com/ringcast/ringcast/internal/sqlitedb"
)

// statement names a prepared statement. Those from firstWrite on are the writer's.
type statement int

const (
	selectByURL statement = iota
	selectAfter
	selectBody
	selectHashes
	selectKeys
	selectOldest
	selectVoid
	insertHead
	insertBody
	deleteHead
	deleteBody
	updateUsed
	updateMeta
	statements

	firstWrite = selectKeys
)

const headColumns = `id, url, variant, generation, soft_at, head, body_size, body_sum, used, sum`

func queries() [statements]string {
	return [statements]string{
		selectByURL:  `SELECT ` + headColumns + ` FROM heads WHERE hash = ? AND url = ? AND id >= ? ORDER BY id DESC`,
		selectAfter:  `SELECT ` + headColumns + ` FROM heads WHERE id > ? ORDER BY id`,
		selectBody:   `SELECT body FROM bodies WHERE id = ?`,
		selectHashes: `SELECT hash, id FROM heads WHERE (hash, id) > (?, ?) ORDER BY hash, id LIMIT ?`,
		selectKeys:   `SELECT id, variant FROM heads WHERE hash = ? AND url = ? ORDER BY id DESC`,
		selectOldest: `SELECT id FROM heads ORDER BY used, id LIMIT ?`,
		selectVoid:   `SELECT id FROM heads WHERE id < ? ORDER BY id LIMIT ?`,
		insertHead: `INSERT INTO heads (` + headColumns + `, hash, size)
			VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
		insertBody: `INSERT INTO bodies (id, body) VALUES (?, ?)`,
		deleteHead: `DELETE FROM heads WHERE id = ? RETURNING size, hash`,
		deleteBody: `DELETE FROM bodies WHERE id = ?`,
		updateUsed: `UPDATE heads SET used = ?1 WHERE id = ?2 AND used < ?1`,
		updateMeta: `UPDATE meta SET last = ?, floor = ?, generation = ?, entries = ?, bytes = ?, sum = ?`,
	}
}

// file is the database with its statements.
type file struct {
	db    *sqlitedb.DB
	stmts [statements]*sql.Stmt
}

// meta is the row about the whole file.
type meta struct {
	instance       string
	last, floor    int64
	generation     uint64
	entries, bytes int64
}

func (f *file) prepare(ctx context.Context) error {
	for i, query := range queries() {
		pool := f.db.Read
		if statement(i) >= firstWrite {
			pool = f.db.Write
		}
		stmt, err := pool.PrepareContext(ctx, query)
		if err != nil {
			return err
		}
		f.stmts[i] = stmt
	}
	return nil
}

// readMeta gives the row of meta, after giving instance one where the file is new.
func (f *file) readMeta(ctx context.Context, instance string) (meta, error) {
	m := meta{instance: instance}
	const insert = `INSERT INTO meta (id, instance, last, floor, generation, entries, bytes, sum)
		SELECT 1, ?, 0, 0, 0, 0, 0, ? WHERE NOT EXISTS (SELECT 1 FROM meta) AND NOT EXISTS (SELECT 1 FROM heads)`
	if _, err := f.db.Write.ExecContext(ctx, insert, instance, m.sum()); err != nil {
		return m, fmt.Errorf("name instance: %w", err)
	}
	var generation, sum int64
	row := f.db.Write.QueryRowContext(ctx, `SELECT instance, last, floor, generation, entries, bytes, sum FROM meta`)
	err := row.Scan(&m.instance, &m.last, &m.floor, &generation, &m.entries, &m.bytes, &sum)
	m.generation = uint64(generation)
	if errors.Is(err, sql.ErrNoRows) || err == nil && sum != int64(m.sum()) {
		return m, fmt.Errorf("%w: no sound totals", sqlitedb.ErrDamaged)
	}
	if err != nil {
		return m, fmt.Errorf("read totals: %w", err)
	}
	return m, nil
}

// lastUse is when the record used last was used, in Unix seconds.
func (f *file) lastUse(ctx context.Context) (int64, error) {
	var used sql.NullInt64
	if err := f.db.Write.QueryRowContext(ctx, `SELECT max(used) FROM heads`).Scan(&used); err != nil {
		return 0, fmt.Errorf("read last use: %w", err)
	}
	return used.Int64, nil
}

// scanHead reads headColumns. A head that is not sound is not what was put. It is
// an error only if ctx has ended.
func scanHead(ctx context.Context, rows *sql.Rows) (s Stored, sound bool, err error) {
	var generation, bodySum, sum int64
	err = rows.Scan(&s.ID, &s.URL, &s.Variant, &generation, &s.SoftAt, &s.Head, &s.BodySize, &bodySum, &s.used, &sum)
	if ended(ctx, err) {
		return s, false, err
	}
	s.Generation, s.bodySum = uint64(generation), uint32(bodySum)
	// What fails to scan are columns of another type.
	return s, err == nil && int64(s.sum()) == sum && int64(s.bodySum) == bodySum, nil
}
