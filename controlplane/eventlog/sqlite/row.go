package sqlite

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/ringcast/ringcast/controlplane"
)

// eventColumns are an event's columns, in the order of a row's fields.
const eventColumns = `events.position, unit, kind, audience, events.type, time, expires_at, entities, data, channel`

// eventColumnCount is how many eventColumns are.
const eventColumnCount = 10

// row is an event as its table has it. Integers are int64, which is what SQLite
// has: others go through text.
type row struct {
	position, unit, kind, audience int64
	eventType                      string
	time, expiresAt                int64
	entities                       string
	data                           []byte
	channel                        string
}

func (r *row) event() unitEvent {
	e := controlplane.Event{
		Position: uint64(r.position), Type: r.eventType, Data: r.data, Channel: r.channel,
		Tombstone: r.kind == kindTombstone, Time: time.Unix(r.time, 0), Audience: controlplane.Audience(r.audience),
	}
	if r.expiresAt != 0 {
		e.ExpiresAt = time.Unix(r.expiresAt, 0)
	}
	if r.entities != "" {
		e.Entities = strings.Split(r.entities, "\n")
	}
	return unitEvent{e, uint64(r.unit)}
}

type scanner interface{ Scan(dest ...any) error }

func scanEvent(from scanner) (unitEvent, error) {
	var r row
	err := from.Scan(&r.position, &r.unit, &r.kind, &r.audience, &r.eventType, &r.time, &r.expiresAt, &r.entities, &r.data, &r.channel)
	if err != nil {
		return unitEvent{}, err
	}
	return r.event(), nil
}

func readEvents(ctx context.Context, q queryer, query string, args ...any) (events []unitEvent, err error) {
	rows, err := q.QueryContext(ctx, query, args...)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		event, err := scanEvent(rows)
		if err != nil {
			return nil, err
		}
		events = append(events, event)
	}
	return events, rows.Err()
}

// readMany appends what a query gives, until it has most bytes of data: full tells that
// rows may be left. It asks the driver itself, which makes a new value of each column:
// database/sql would copy it once more, and a row would take nearly twice the time.
func readMany(ctx context.Context, conn *sql.Conn, into []unitEvent, most int, query string, args ...int64) (all []unitEvent, full bool, err error) {
	named := make([]driver.NamedValue, len(args))
	for i, arg := range args {
		named[i] = driver.NamedValue{Ordinal: i + 1, Value: arg}
	}
	err = conn.Raw(func(driverConn any) (err error) {
		rows, err := driverConn.(driver.QueryerContext).QueryContext(ctx, query, named)
		if err != nil {
			return err
		}
		defer func() { err = errors.Join(err, rows.Close()) }()
		into, full, err = appendRows(into, most, rows)
		return err
	})
	return into, full, err
}

func appendRows(into []unitEvent, most int, rows driver.Rows) (all []unitEvent, full bool, err error) {
	var r row
	values := make([]driver.Value, eventColumnCount)
	for bytes := 0; bytes < most; bytes += len(r.data) {
		switch err := rows.Next(values); {
		case errors.Is(err, io.EOF):
			return into, false, nil
		case err != nil:
			return into, false, err
		case !r.take(values):
			return into, false, fmt.Errorf("event %v has a column of another type", values[0])
		}
		into = append(into, r.event())
	}
	return into, true, nil
}

// take sets r to the driver's values; ok is false where one is not of its
// column's type, which in a table that is STRICT only a damaged page has.
func (r *row) take(values []driver.Value) bool {
	ok := true
	set(&r.position, values[0], &ok)
	set(&r.unit, values[1], &ok)
	set(&r.kind, values[2], &ok)
	set(&r.audience, values[3], &ok)
	set(&r.eventType, values[4], &ok)
	set(&r.time, values[5], &ok)
	set(&r.expiresAt, values[6], &ok)
	set(&r.entities, values[7], &ok)
	set(&r.data, values[8], &ok)
	set(&r.channel, values[9], &ok)
	return ok
}

func set[T any](to *T, value driver.Value, ok *bool) {
	v, is := value.(T)
	*to, *ok = v, *ok && is
}
