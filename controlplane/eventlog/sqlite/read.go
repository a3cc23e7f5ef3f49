package sqlite

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"math"

	"github.com/ringcast/ringcast/controlplane"
	"github.com/ringcast/ringcast/controlplane/eventlog"
)

// liveEntities selects the live events of entities from one entity up to, and
// without, another; their parameters, and the time.
const liveEntities = `FROM entities JOIN events USING (position)
	WHERE entity > ? AND entity >= ? AND entity < ? AND kind = 0 AND (expires_at = 0 OR expires_at > ?)`

// preallocated bounds the memory that a page takes before it is read.
const preallocated = 1024

// Read implements eventlog.Log.
func (l *Log) Read(ctx context.Context, after uint64, limit int) (page eventlog.Page, err error) {
	// A page is soon read. The driver makes every row of a query that can be
	// cancelled cost a third more.
	if err := ctx.Err(); err != nil {
		return eventlog.Page{}, fmt.Errorf("read log: %w", err)
	}
	ctx = context.WithoutCancel(ctx)
	conn, err := l.db.Read.Conn(ctx)
	if err != nil {
		return eventlog.Page{}, fmt.Errorf("read log: %w", err)
	}
	defer conn.Close()
	tx, err := conn.BeginTx(ctx, &sql.TxOptions{ReadOnly: true})
	if err != nil {
		return eventlog.Page{}, fmt.Errorf("read log: %w", err)
	}
	defer tx.Rollback()
	if page, err = readPage(ctx, conn, after, max(limit, 1)); err != nil {
		return eventlog.Page{}, fmt.Errorf("read log: %w", err)
	}
	return page, nil
}

// readPage reads in the transaction that is open on the connection.
func readPage(ctx context.Context, conn *sql.Conn, after uint64, limit int) (page eventlog.Page, err error) {
	if page.Head, err = readHead(ctx, conn); err != nil {
		return page, err
	}
	page.Next = page.Head.Position
	after = min(after, math.MaxInt64) // SQLite has no larger integers
	rows := make([]unitEvent, 0, min(limit, preallocated))
	rows, full, err := readMany(ctx, conn, rows, eventlog.PageBytes,
		`SELECT `+eventColumns+` FROM events WHERE position > ? ORDER BY position LIMIT ?`, int64(after), int64(limit))
	if err != nil {
		return page, err
	}
	if full || len(rows) == limit {
		last := rows[len(rows)-1]
		page.Next = last.unit
		rows, _, err = readMany(ctx, conn, rows, math.MaxInt, `SELECT `+eventColumns+` FROM events WHERE position > ? AND position <= ? ORDER BY position`,
			int64(last.event.Position), int64(last.unit))
	}
	page.Units = units(rows)
	return page, err
}

// unitEvent is an event with the position of its unit.
type unitEvent struct {
	event controlplane.Event
	unit  uint64
}

// units groups neighbours of one unit.
func units(rows []unitEvent) []controlplane.Unit {
	out := make([]controlplane.Unit, 0, len(rows))
	events := make([]controlplane.Event, len(rows))
	begin := 0
	for i, row := range rows {
		events[i] = row.event
		if i+1 == len(rows) || rows[i+1].unit != row.unit {
			out = append(out, controlplane.Unit{Position: row.unit, Events: events[begin : i+1 : i+1]})
			begin = i + 1
		}
	}
	return out
}

// Latest implements eventlog.Log.
func (l *Log) Latest(ctx context.Context, entities ...string) ([]controlplane.Event, error) {
	wanted, err := json.Marshal(entities)
	if err != nil {
		return nil, fmt.Errorf("read entities: %w", err)
	}
	rows, err := readEvents(ctx, l.db.Read, `SELECT `+eventColumns+`
		FROM json_each(?) AS wanted JOIN entities ON entity = wanted.value JOIN events USING (position)
		ORDER BY wanted.key`, string(wanted))
	if err != nil {
		return nil, fmt.Errorf("read entities: %w", err)
	}
	events := make([]controlplane.Event, len(rows))
	for i, row := range rows {
		events[i] = row.event
	}
	return events, nil
}

// List implements eventlog.Log.
func (l *Log) List(ctx context.Context, prefix, after string, limit int) ([]eventlog.Entry, error) {
	rows, err := l.db.Read.QueryContext(ctx, `SELECT entity, `+eventColumns+` `+liveEntities+` ORDER BY entity LIMIT ?`,
		after, prefix, prefixEnd(prefix), l.cfg.Now().Unix(), limit)
	if err != nil {
		return nil, fmt.Errorf("list entities: %w", err)
	}
	defer rows.Close()
	var entries []eventlog.Entry
	for rows.Next() {
		var entity string
		event, err := scanEvent(prefixed{rows, &entity})
		if err != nil {
			return nil, fmt.Errorf("list entities: %w", err)
		}
		entries = append(entries, eventlog.Entry{Entity: entity, Event: event.event})
	}
	if err := rows.Err(); err != nil {
		return nil, fmt.Errorf("list entities: %w", err)
	}
	return entries, nil
}

// prefixed scans a column before those of the event.
type prefixed struct {
	rows  *sql.Rows
	first any
}

func (p prefixed) Scan(dest ...any) error {
	return p.rows.Scan(append([]any{p.first}, dest...)...)
}

// Count implements eventlog.Log.
func (l *Log) Count(ctx context.Context, prefix string) (n uint64, err error) {
	err = l.db.Read.QueryRowContext(ctx, `SELECT count(*) `+liveEntities, "", prefix, prefixEnd(prefix), l.cfg.Now().Unix()).Scan(&n)
	if err != nil {
		return 0, fmt.Errorf("count entities: %w", err)
	}
	return n, nil
}

// prefixEnd is the least string above all that begin with prefix. Entities are
// UTF-8, in which no byte is 0xFF.
func prefixEnd(prefix string) string { return prefix + "\xff" }
