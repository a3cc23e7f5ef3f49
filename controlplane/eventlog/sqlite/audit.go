package sqlite

import (
	"context"
	"database/sql"
	"fmt"
	"math"
	"strings"
	"time"

	"github.com/ringcast/ringcast/controlplane/eventlog"
)

// Limits on what is looked at for a page of the audit where no index knows all of
// the conditions, and so on how long it takes.
const (
	auditLook      = 10_000
	auditLookBytes = 8 << 20
)

// noTime is later than any time.
const noTime = math.MaxInt64

// Audit implements eventlog.Log.
func (l *Log) Audit(ctx context.Context, query eventlog.AuditQuery) (eventlog.AuditPage, error) {
	statement, args := auditStatement(query)
	rows, err := l.db.Read.QueryContext(ctx, statement, args...)
	if err != nil {
		return eventlog.AuditPage{}, fmt.Errorf("read audit: %w", err)
	}
	defer rows.Close()
	page, err := auditPage(rows, query)
	if err != nil {
		return eventlog.AuditPage{}, fmt.Errorf("read audit: %w", err)
	}
	return page, nil
}

// auditStatement walks the index of the condition that is likely to leave the
// least. The planner is not asked: it would take two conditions for better than
// an order, and sort a million rows for a page.
func auditStatement(q eventlog.AuditQuery) (statement string, args []any) {
	index, condition := "audit_time", ""
	switch {
	case q.RequestID != "":
		index, condition, args = "audit_request", `request_id = ? AND request_id <> '' AND `, []any{q.RequestID}
	case q.Address != "":
		index, condition, args = "audit_address", `address = ? AND `, []any{q.Address}
	case q.RPC != "":
		index, condition, args = "audit_rpc", `rpc = ? AND `, []any{q.RPC}
	case q.Principal != "":
		index, condition, args = "audit_principal", `principal = ? AND `, []any{q.Principal}
	}
	since, until, after := auditBounds(q)
	statement = `SELECT id, position, time, principal, address, rpc, request_id, detail FROM audit INDEXED BY ` + index +
		` WHERE ` + condition + `time >= ? AND time < ? AND (time, id) < (?, ?) ORDER BY time DESC, id DESC LIMIT ?`
	return statement, append(args, since, until, after.Time, int64(after.ID), auditLook+1)
}

// auditBounds gives what stands for no bound, too.
func auditBounds(q eventlog.AuditQuery) (since, until int64, after eventlog.AuditCursor) {
	since, until, after = math.MinInt64, noTime, q.After
	if !q.Since.IsZero() {
		since = q.Since.Unix()
	}
	if !q.Until.IsZero() {
		until = q.Until.Unix()
	}
	if after == (eventlog.AuditCursor{}) {
		after.Time = noTime
	}
	after.ID = min(after.ID, math.MaxInt64) // SQLite has no larger integers
	return since, until, after
}

// auditPage takes rows until the page is full or enough were looked at. That rows
// are left tells that there is another page.
func auditPage(rows *sql.Rows, query eventlog.AuditQuery) (page eventlog.AuditPage, err error) {
	var place eventlog.AuditCursor
	var bytes, looked, lookedBytes int
	for rows.Next() {
		record, err := scanAudit(rows)
		if err != nil {
			return page, err
		}
		looked, lookedBytes = looked+1, lookedBytes+len(record.Detail)
		tooMuch := looked > auditLook || (looked > 1 && lookedBytes > auditLookBytes)
		full := len(page.Records) >= max(query.Limit, 1) || (len(page.Records) > 0 && bytes+len(record.Detail) > eventlog.AuditPageBytes)
		if tooMuch || full {
			page.Next = place
			return page, nil
		}
		place = record.Place()
		if meets(record, query) {
			page.Records = append(page.Records, record)
			bytes += len(record.Detail)
		}
	}
	return page, rows.Err()
}

func scanAudit(rows *sql.Rows) (r eventlog.AuditRecord, err error) {
	var id, position, seconds int64
	err = rows.Scan(&id, &position, &seconds, &r.Principal, &r.Address, &r.RPC, &r.RequestID, &r.Detail)
	r.ID, r.Position, r.Time = uint64(id), uint64(position), time.Unix(seconds, 0)
	return r, err
}

// meets checks the conditions that the index does not know.
func meets(r eventlog.AuditRecord, q eventlog.AuditQuery) bool {
	return (q.Principal == "" || q.Principal == r.Principal) &&
		(q.Address == "" || q.Address == r.Address) &&
		(q.RPC == "" || q.RPC == r.RPC) &&
		(q.RequestID == "" || q.RequestID == r.RequestID) &&
		strings.Contains(r.Detail, q.Contains)
}
