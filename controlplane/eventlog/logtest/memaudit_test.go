package logtest

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/ringcast/ringcast/controlplane/eventlog"
)

// audit writes the record of a request.
func (l *memLog) audit(r eventlog.Request, position uint64) {
	record := eventlog.AuditRecord{
		ID: uint64(len(l.disk.audit)) + 1, Position: position, Time: l.Now().Truncate(time.Second),
		Principal: r.Principal, Address: r.Address, RPC: r.RPC, RequestID: r.ID, Detail: r.Detail,
	}
	if n := len(l.disk.audit); n > 0 {
		record.ID = l.disk.audit[n-1].ID + 1
	}
	if l.fault == auditsWithoutID && r.ID == "" {
		return
	}
	l.disk.audit = append(l.disk.audit, record)
}

// auditFresh writes the records of those that are not repeats.
func (l *memLog) auditFresh(requests []eventlog.Request, receipts []eventlog.Receipt, position uint64) {
	for i, r := range requests {
		if receipts[i].Repeated && l.fault != auditsRepeats || i > 0 && l.fault == auditsFirstRequest {
			continue
		}
		if l.fault == auditsHeadBefore {
			position--
		}
		l.audit(r, position)
	}
}

func (l *memLog) compactAudit() {
	l.disk.audit = slices.DeleteFunc(l.disk.audit, func(r eventlog.AuditRecord) bool {
		return l.fault == dropsAuditEarly || l.fault != keepsAudit && l.Now().Sub(r.Time) >= l.Retention.Audit
	})
}

func (l *memLog) Audit(_ context.Context, q eventlog.AuditQuery) (page eventlog.AuditPage, err error) {
	l.disk.mu.Lock()
	defer l.disk.mu.Unlock()
	var matching []eventlog.AuditRecord
	for _, r := range slices.Backward(l.disk.audit) {
		begun := q.After == (eventlog.AuditCursor{}) || follows(r.Place(), q.After) || l.fault == auditRepeatsPlace && r.Place() == q.After
		if begun && l.meets(r, q) {
			matching = append(matching, r)
		}
	}
	if l.fault == auditOldestFirst {
		slices.Reverse(matching)
	}
	bytes := 0
	for _, r := range matching {
		if bytes += len(r.Detail); len(page.Records) == q.Limit ||
			len(page.Records) > 0 && bytes > eventlog.AuditPageBytes && l.fault != auditsLargePages {
			page.Next = page.Records[len(page.Records)-1].Place()
			break
		}
		page.Records = append(page.Records, r)
	}
	if l.fault == auditEndsEarly {
		page.Next = eventlog.AuditCursor{}
	}
	return page, nil
}

func (l *memLog) meets(r eventlog.AuditRecord, q eventlog.AuditQuery) bool {
	switch l.fault {
	case auditIgnoresPrincipal:
		q.Principal = r.Principal
	case auditIgnoresAddress:
		q.Address = r.Address
	case auditIgnoresRequestID:
		q.RequestID = ""
	case auditFoldsCase:
		r.RPC, q.RPC = strings.ToLower(r.RPC), strings.ToLower(q.RPC)
	case auditIgnoresContains:
		q.Contains = ""
	case auditUntilIncluded:
		if !q.Until.IsZero() {
			q.Until = q.Until.Add(time.Second)
		}
	case auditSinceExcluded:
		if !q.Since.IsZero() {
			q.Since = q.Since.Add(time.Second)
		}
	}
	return wanted(r, q)
}
