package sqlite

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/ringcast/ringcast/controlplane/eventlog"
)

// filledAudit has n records, one a second from the beginning of time; each
// thousandth is bob's.
func filledAudit(t testing.TB, n int) *Log {
	t.Helper()
	l, err := Open(t.Context(), Config{Dir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	err = l.submit(t.Context(), &job{ctx: t.Context(), step: func(ctx context.Context) error {
		return l.writer.update(ctx, func(tx *txn) error {
			_, err := tx.conn.ExecContext(ctx, `WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?)
				INSERT INTO audit (position, time, principal, address, rpc, request_id, detail)
				SELECT i, i, iif(i % 1000 = 0, 'bob', 'alice'), '192.0.2.1', '/ringcast.v1.BanService/BanIP', iif(i % 2, '', i), '{"ip":"' || i || '"}' FROM n`, n)
			return err
		})
	}})
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// A page of the audit is found by an index in the order that is asked for: nothing
// is sorted and nothing walked through.
func TestAuditPlans(t *testing.T) {
	t.Parallel()
	l := filledAudit(t, 1)
	for index, query := range map[string]eventlog.AuditQuery{
		"audit_time":      {Contains: "x"},
		"audit_principal": {Principal: "alice", Until: time.Unix(1, 0)},
		"audit_address":   {Address: "::1", Principal: "alice", RPC: "x"},
		"audit_rpc":       {Principal: "alice", RPC: "x", Since: time.Unix(1, 0)},
		"audit_request":   {RequestID: "x", Address: "::1", After: eventlog.AuditCursor{Time: 1, ID: 1}},
	} {
		statement, args := auditStatement(query)
		rows, err := l.db.Read.Query(`EXPLAIN QUERY PLAN `+statement, args...)
		if err != nil {
			t.Fatal(err)
		}
		var plan []string
		for rows.Next() {
			var id, parent, unused int
			var step string
			if err := rows.Scan(&id, &parent, &unused, &step); err != nil {
				t.Fatal(err)
			}
			plan = append(plan, step)
		}
		if err := rows.Close(); err != nil {
			t.Fatal(err)
		}
		if len(plan) != 1 || !strings.HasPrefix(plan[0], "SEARCH audit USING INDEX "+index+" (") {
			t.Errorf("%+v: %s", query, plan)
		}
	}
}

// Where no index knows all conditions a page ends after it has looked at enough,
// and the following ones go on.
func TestAuditPagesAreBounded(t *testing.T) {
	t.Parallel()
	const records = 2*auditLook + 500
	l := filledAudit(t, records)
	for name, test := range map[string]struct {
		query  eventlog.AuditQuery
		counts []int
	}{
		"two conditions": {eventlog.AuditQuery{Principal: "bob", RPC: "/ringcast.v1.BanService/BanIP", Limit: 100}, []int{10, 10, 0}},
		"text":           {eventlog.AuditQuery{Contains: `"10500"`, Limit: 1}, []int{0, 1, 0, 0}},
		"nothing":        {eventlog.AuditQuery{Contains: `nowhere`, Limit: 1}, []int{0, 0, 0}},
		"an index":       {eventlog.AuditQuery{Principal: "bob", Limit: 15}, []int{15, 5}},
		"all at once":    {eventlog.AuditQuery{Principal: "bob", Limit: 20}, []int{20}},
	} {
		var counts []int
		for len(counts) <= len(test.counts) {
			page, err := l.Audit(t.Context(), test.query)
			if err != nil {
				t.Fatal(err)
			}
			counts = append(counts, len(page.Records))
			if test.query.After = page.Next; page.Next == (eventlog.AuditCursor{}) {
				break
			}
		}
		if fmt.Sprint(counts) != fmt.Sprint(test.counts) {
			t.Errorf("%s: pages of %v records, want %v", name, counts, test.counts)
		}
	}
}

// BenchmarkAudit reads pages of 100 far back in a large audit.
func BenchmarkAudit(b *testing.B) {
	const records = 200_000
	l := filledAudit(b, records)
	for name, query := range map[string]eventlog.AuditQuery{
		"time":      {Until: time.Unix(records/2, 0)},
		"principal": {Principal: "bob", Until: time.Unix(records*3/4, 0)},
		"text":      {Contains: "nowhere"},
	} {
		b.Run(name, func(b *testing.B) {
			query.Limit = 100
			for b.Loop() {
				if _, err := l.Audit(b.Context(), query); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
