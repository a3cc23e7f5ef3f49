package sqlite

import (
	"cmp"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"github.com/ringcast/ringcast/controlplane"
	"github.com/ringcast/ringcast/controlplane/eventlog"
	"github.com/ringcast/ringcast/internal/sqlitedb"
)

// writer owns the one connection that writes, with its prepared statements.
// Only the log's goroutine uses it.
type writer struct {
	conn   *sql.Conn
	stmt   statements
	head   eventlog.Head
	allows names
}

type statements struct {
	latest, any                              *sql.Stmt
	claim, supersede, forget, point          *sql.Stmt
	event, moveHead, recall, remember, audit *sql.Stmt
}

func newWriter(ctx context.Context, db *sqlitedb.DB) (*writer, error) {
	conn, err := db.Write.Conn(ctx)
	if err != nil {
		return nil, err
	}
	w := &writer{conn: conn}
	if err := errors.Join(w.prepare(ctx), w.begin(ctx)); err != nil {
		return nil, errors.Join(err, w.close())
	}
	return w, nil
}

func (w *writer) prepare(ctx context.Context) error {
	var errs []error
	for _, s := range []struct {
		stmt  **sql.Stmt
		query string
	}{
		{&w.stmt.latest, `SELECT ` + eventColumns + ` FROM entities JOIN events USING (position) WHERE entity = ?`},
		{&w.stmt.any, `SELECT EXISTS (SELECT 1 FROM entities WHERE entity >= ? AND entity < ?)`},
		{&w.stmt.supersede, `UPDATE events SET refs = refs - 1 WHERE position = (SELECT position FROM entities WHERE entity = ?) RETURNING position, refs`},
		{&w.stmt.forget, `DELETE FROM events WHERE position = ?`},
		{&w.stmt.claim, `INSERT INTO entities (entity, position) VALUES (?, ?) ON CONFLICT (entity) DO NOTHING`},
		{&w.stmt.point, `UPDATE entities SET position = ? WHERE entity = ?`},
		{&w.stmt.event, `INSERT INTO events (position, unit, kind, audience, type, time, expires_at, stale_since, refs, entities, data, channel) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`},
		{&w.stmt.moveHead, `UPDATE head SET position = ? WHERE position = ?`},
		{&w.stmt.recall, `SELECT digest, position FROM requests WHERE principal = ? AND id = ? AND time > ?`},
		{&w.stmt.remember, `INSERT OR REPLACE INTO requests (principal, id, digest, position, time) VALUES (?, ?, ?, ?, ?)`},
		{&w.stmt.audit, `INSERT INTO audit (position, time, principal, address, rpc, request_id, detail) VALUES (?, ?, ?, ?, ?, ?, ?)`},
	} {
		var err error
		*s.stmt, err = w.conn.PrepareContext(ctx, s.query)
		errs = append(errs, err)
	}
	return errors.Join(errs...)
}

// begin reads the head, or gives a new log its epoch.
func (w *writer) begin(ctx context.Context) error {
	_, err := w.conn.ExecContext(ctx,
		`INSERT INTO head (id, epoch, position, horizon, moment_horizon) VALUES (1, ?, 0, 0, 0) ON CONFLICT DO NOTHING`, newEpoch())
	if err != nil {
		return fmt.Errorf("begin log: %w", err)
	}
	w.head, err = readHead(ctx, w.conn)
	if err != nil {
		return fmt.Errorf("read head: %w", err)
	}
	return nil
}

// close closes the statements before the connection: left open they would keep
// SQLite from moving its write-ahead log into the file.
func (w *writer) close() error {
	var errs []error
	for _, stmt := range []*sql.Stmt{
		w.stmt.latest, w.stmt.any, w.stmt.claim, w.stmt.supersede, w.stmt.forget, w.stmt.point,
		w.stmt.event, w.stmt.moveHead, w.stmt.recall, w.stmt.remember, w.stmt.audit,
	} {
		if stmt != nil {
			errs = append(errs, stmt.Close())
		}
	}
	return errors.Join(append(errs, w.conn.Close())...)
}

// txn is the writer's transaction at hand. Its head becomes the writer's once
// it is durable.
type txn struct {
	*writer
	ctx  context.Context
	head eventlog.Head
	// failed is the first error of a read for a decision. It ends the transaction:
	// SQLite may have rolled it back by itself.
	failed error
}

// update runs f in a transaction and makes what it did durable.
func (w *writer) update(ctx context.Context, f func(*txn) error) error {
	if _, err := w.conn.ExecContext(ctx, `BEGIN IMMEDIATE`); err != nil {
		return fmt.Errorf("begin: %w", err)
	}
	tx := &txn{writer: w, ctx: ctx, head: w.head}
	err := f(tx)
	if err == nil {
		_, err = w.conn.ExecContext(ctx, `COMMIT`)
	}
	if err != nil {
		// SQLite rolls some errors back by itself; then there is nothing to do.
		_, _ = w.conn.ExecContext(ctx, `ROLLBACK`)
		w.allows.forget()
		return err
	}
	w.head = tx.head
	return nil
}

// Latest looks an entity up as the transaction sees it.
func (tx *txn) Latest(entity string) (controlplane.Event, bool, error) {
	if absent, err := tx.absent(entity); absent || err != nil {
		return controlplane.Event{}, false, err
	}
	latest, err := scanEvent(tx.stmt.latest.QueryRowContext(tx.ctx, entity))
	if errors.Is(err, sql.ErrNoRows) {
		return controlplane.Event{}, false, nil
	}
	if err != nil {
		return controlplane.Event{}, false, tx.fail("read entity", err)
	}
	return latest.event, true, nil
}

// Any looks for an entity as the transaction sees them.
func (tx *txn) Any(prefix string) (found bool, err error) {
	if err := tx.stmt.any.QueryRowContext(tx.ctx, prefix, prefixEnd(prefix)).Scan(&found); err != nil {
		return false, tx.fail("look for entities", err)
	}
	return found, nil
}

// fail notes the first error of a read for a decision, and returns it.
func (tx *txn) fail(doing string, err error) error {
	tx.failed = cmp.Or(tx.failed, fmt.Errorf("%s: %w", doing, err))
	return tx.failed
}

// view is a transaction as the decision of an append sees it.
type view struct {
	*txn
	receipts []eventlog.Receipt
	now      time.Time
}

// Repeated implements controlplane.State.
func (v view) Repeated(request int) bool { return v.receipts[request].Repeated }

// Now implements controlplane.State.
func (v view) Now() time.Time { return v.now }
