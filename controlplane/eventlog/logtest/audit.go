package logtest

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"pgregory.net/rapid"

	"github.com/ringcast/ringcast/controlplane"
	"github.com/ringcast/ringcast/controlplane/eventlog"
)

// auditRetention is odd in seconds where every wait of the property is even, so
// that nothing is ever due at the very moment.
const auditRetention = 9 * time.Second

// auditEqualsLog lets requests be accepted, refused, repeated and reused: the audit
// has exactly one record of each that was accepted, at its unit's position, until
// its retention has passed.
func auditEqualsLog(t tb, open Opener) {
	rapid.Check(t, func(t *rapid.T) {
		a := &auditor{
			subject: start(t, open, eventlog.Retention{Audit: auditRetention}),
			digests: make(map[string][32]byte),
		}
		t.Repeat(map[string]func(*rapid.T){
			"":         a.check,
			"one":      func(t *rapid.T) { a.request(t, 1) },
			"one more": func(t *rapid.T) { a.request(t, 1) },
			"several":  func(t *rapid.T) { a.request(t, 4) },
			"query":    a.query,
			"wait":     func(t *rapid.T) { a.clock.advance(evenSeconds(1, 3).Draw(t, "wait")) },
			"compact":  a.compactAudit,
			"reopen":   func(*rapid.T) { a.reopen() },
		})
	})
}

// auditor is the naive audit: a list.
type auditor struct {
	*subject
	// records are in the order in which they were written.
	records []eventlog.AuditRecord
	// digests are those of the requests that the log remembers.
	digests  map[string][32]byte
	position uint64
}

// request makes up to most requests at once.
func (a *auditor) request(t *rapid.T, most int) {
	requests := rapid.SliceOfNDistinct(auditRequests(), 1, most, requestKey).Draw(t, "requests")
	refused, events := rapid.Bool().Draw(t, "refused"), rapid.IntRange(1, 3).Draw(t, "events")
	decide := unit(moments(events)...)
	if refused {
		decide = refuse
	}
	var fresh []eventlog.Request
	for _, r := range requests {
		switch digest, known := a.digests[requestKey(r)]; {
		case r.ID == "" || !known:
			fresh = append(fresh, r)
		case digest != r.Digest:
			a.expectRefusal(eventlog.ErrRequestReused, decide, requests)
			return
		}
	}
	if refused && len(fresh) > 0 {
		a.expectRefusal(errRefused, decide, requests)
		return
	}
	if _, err := a.try(decide, requests...); err != nil {
		t.Fatalf("Append: %v", err)
	}
	if len(fresh) > 0 {
		a.position += uint64(events)
	}
	a.accept(fresh)
}

func (a *auditor) expectRefusal(want error, decide controlplane.Decision, requests []eventlog.Request) {
	if _, err := a.try(decide, requests...); !errors.Is(err, want) {
		a.t.Fatalf("Append: %v, want %v", err, want)
	}
}

func (a *auditor) accept(fresh []eventlog.Request) {
	for _, r := range fresh {
		a.digests[requestKey(r)] = r.Digest
		a.records = append(a.records, eventlog.AuditRecord{
			Position: a.position, Time: a.clock.Now().Truncate(time.Second),
			Principal: r.Principal, Address: r.Address, RPC: r.RPC, RequestID: r.ID, Detail: r.Detail,
		})
	}
}

func (a *auditor) compactAudit(*rapid.T) {
	a.compact()
	a.records = slices.DeleteFunc(a.records, func(r eventlog.AuditRecord) bool {
		return a.clock.Now().Sub(r.Time) > auditRetention
	})
}

func (a *auditor) check(t *rapid.T) {
	a.equal("head", a.position, a.head().Position)
	a.expectAudit(eventlog.AuditQuery{Limit: limits().Draw(t, "limit")})
}

// query asks with any conditions.
func (a *auditor) query(t *rapid.T) {
	like := auditRequests().Draw(t, "like")
	query := eventlog.AuditQuery{Limit: limits().Draw(t, "limit")}
	for _, set := range []struct {
		name string
		to   func()
	}{
		{"principal", func() { query.Principal = like.Principal }},
		{"address", func() { query.Address = like.Address }},
		{"rpc", func() { query.RPC = like.RPC }},
		{"request id", func() { query.RequestID = like.ID }},
		{"contains", func() { query.Contains = like.Detail[1:] }},
		{"since", func() { query.Since = a.clock.Now().Truncate(time.Second).Add(-evenSeconds(0, 4).Draw(t, "ago")) }},
		{"until", func() { query.Until = a.clock.Now().Truncate(time.Second).Add(-evenSeconds(-1, 3).Draw(t, "ago")) }},
	} {
		if rapid.Bool().Draw(t, set.name) {
			set.to()
		}
	}
	a.expectAudit(query)
}

// expectAudit compares all pages with the list.
func (a *auditor) expectAudit(query eventlog.AuditQuery) {
	var want []eventlog.AuditRecord
	for _, r := range slices.Backward(a.records) {
		if wanted(r, query) {
			want = append(want, r)
		}
	}
	got := a.audit(query)
	for i := range got {
		got[i].ID = 0
		got[i].Time = got[i].Time.UTC()
	}
	a.equal(fmt.Sprintf("audit of %+v", query), want, got)
}

func wanted(r eventlog.AuditRecord, q eventlog.AuditQuery) bool {
	for want, is := range map[[2]string]string{
		{"principal", q.Principal}: r.Principal, {"address", q.Address}: r.Address,
		{"rpc", q.RPC}: r.RPC, {"request id", q.RequestID}: r.RequestID,
	} {
		if want[1] != "" && want[1] != is {
			return false
		}
	}
	early := !q.Since.IsZero() && r.Time.Before(q.Since)
	late := !q.Until.IsZero() && !r.Time.Before(q.Until)
	return !early && !late && strings.Contains(r.Detail, q.Contains)
}

// audit follows the pages to the last, and checks what holds for every page.
func (s *subject) audit(query eventlog.AuditQuery) []eventlog.AuditRecord {
	s.t.Helper()
	var all []eventlog.AuditRecord
	for {
		page, err := s.log.Audit(s.t.Context(), query)
		if err != nil {
			s.t.Fatalf("Audit: %v", err)
		}
		if len(page.Records) > query.Limit {
			s.t.Fatalf("Audit: %d records, the limit is %d", len(page.Records), query.Limit)
		}
		for _, r := range page.Records {
			if len(all) > 0 && !follows(r.Place(), all[len(all)-1].Place()) {
				s.t.Fatalf("Audit: %+v comes after %+v", r.Place(), all[len(all)-1].Place())
			}
			all = append(all, r)
		}
		if page.Next == (eventlog.AuditCursor{}) {
			return all
		}
		if after := query.After; after != (eventlog.AuditCursor{}) && !follows(page.Next, after) {
			s.t.Fatalf("Audit: the page after %+v ends at %+v", after, page.Next)
		}
		query.After = page.Next
	}
}

// follows says that a place comes after another: earlier, for the latest is first.
func follows(place, other eventlog.AuditCursor) bool {
	return place.Time < other.Time || place.Time == other.Time && place.ID < other.ID
}

// requestKey is what may stand once in an append and in the log's memory. Requests
// without an id never meet.
func requestKey(r eventlog.Request) string {
	if r.ID == "" {
		return fmt.Sprint(r)
	}
	return r.Principal + "\n" + r.ID
}

// auditRequests draws from few, so that they meet.
func auditRequests() *rapid.Generator[eventlog.Request] {
	return rapid.Custom(func(t *rapid.T) eventlog.Request {
		r := request(rapid.SampledFrom([]string{"", "1", "2", "3", "4", "5", "6", "7"}).Draw(t, "id"))
		r.Principal = rapid.SampledFrom([]string{"alice", "bob"}).Draw(t, "principal")
		r.Address = rapid.SampledFrom([]string{"", "192.0.2.1", "2001:db8::1"}).Draw(t, "address")
		r.RPC = rapid.SampledFrom([]string{"/logtest/Append", "/logtest/append"}).Draw(t, "rpc")
		r.Detail = rapid.SampledFrom([]string{`{}`, `{"ip":"a"}`, `{"ip":"A%"}`, `{"ip":"a_"}`}).Draw(t, "detail")
		if rapid.IntRange(0, 5).Draw(t, "reused") == 0 {
			r = differing(r)
		}
		return r
	})
}

// largeRecords make short pages: a page's details are bounded.
func largeRecords(t tb, open Opener) {
	const count = 5
	s := start(t, open, eventlog.Retention{})
	for i := range count {
		r := request(fmt.Sprint(i))
		r.Detail = strings.Repeat("x", eventlog.AuditPageBytes/2+i%2)
		if i == 2 {
			r.Detail = strings.Repeat("x", 2*eventlog.AuditPageBytes)
		}
		s.append(unit(moment("m")), r)
	}
	var positions []uint64
	for query := (eventlog.AuditQuery{Limit: count}); ; {
		page, err := s.log.Audit(t.Context(), query)
		if err != nil {
			t.Fatalf("Audit: %v", err)
		}
		bytes := 0
		for _, r := range page.Records {
			bytes += len(r.Detail)
			positions = append(positions, r.Position)
		}
		if len(page.Records) > 1 && bytes > eventlog.AuditPageBytes {
			t.Fatalf("Audit: a page of %d records has %d bytes of details", len(page.Records), bytes)
		}
		if query.After = page.Next; page.Next == (eventlog.AuditCursor{}) {
			break
		}
	}
	s.equal("audit of large records", []uint64{5, 4, 3, 2, 1}, positions)
}
