package main

import (
	"context"
	"encoding/json"
	"fmt"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/testing/protocmp"
	"google.golang.org/protobuf/types/known/structpb"
	"google.golang.org/protobuf/types/known/timestamppb"

	ringcastv1 "github.com/ringcast/ringcast/gen/ringcast/v1"
)

// ListAudit has every record on a page of its own, and an empty page before each.
func (f *fake) ListAudit(_ context.Context, r *ringcastv1.ListAuditRequest) (*ringcastv1.ListAuditResponse, error) {
	f.took(r)
	at := 0
	if r.GetPageToken() != "" {
		if _, err := fmt.Sscan(r.GetPageToken(), &at); err != nil {
			return nil, err
		}
	}
	answer := new(ringcastv1.ListAuditResponse)
	if at%2 == 1 {
		answer.Records = f.records[at/2 : at/2+1]
	}
	if at+1 < 2*len(f.records) {
		answer.NextPageToken = fmt.Sprint(at + 1)
	}
	return answer, nil
}

func auditRecord(t testing.TB, position uint64, request map[string]any) *ringcastv1.AuditRecord {
	t.Helper()
	detail, err := structpb.NewStruct(request)
	if err != nil {
		t.Fatal(err)
	}
	return &ringcastv1.AuditRecord{
		Time: &timestamppb.Timestamp{Seconds: 1763719200}, Principal: "anonymous", Address: "192.0.2.9",
		Rpc: "ringcast.v1.BanService/BanIP", Position: position, Epoch: "7f3a9c", RequestId: "r", Request: detail,
	}
}

// Short and empty pages are no end.
func TestAuditPagesThroughAll(t *testing.T) {
	t.Parallel()
	server := (&fake{records: []*ringcastv1.AuditRecord{
		auditRecord(t, 3, map[string]any{"keys": []any{"/a?b=<c>&d"}, "request_id": "r"}),
		auditRecord(t, 2, map[string]any{"ip": strings.Repeat("é", maxAuditCell)}),
		auditRecord(t, 1, nil),
	}}).start(t)
	r := ringcast(t, "audit", "--server", server)
	r.want(t, exitDone, "TIME", "")
	lines := strings.Split(strings.TrimSuffix(r.out, "\n"), "\n")
	if len(lines) != 4 || strings.Count(r.out, "POSITION") != 1 {
		t.Fatalf("want a header and three records:\n%s", r.out)
	}
	if !regexp.MustCompile(`^\d{4}-\d\d-\d\dT\S+ +anonymous +192\.0\.2\.9 +ringcast\.v1\.BanService/BanIP +3 +r +\{"keys":\["/a\?b=<c>&d"\]\}$`).MatchString(lines[1]) {
		t.Errorf("first record is %q", lines[1])
	}
	if !strings.HasSuffix(lines[2], "é…") {
		t.Errorf("second record is not cut off: %q", lines[2])
	}
	r = ringcast(t, "audit", "--limit", "2", "-o", "jsonl", "--server", server)
	if lines := strings.Split(r.out, "\n"); len(lines) != 3 || !strings.Contains(lines[0], `"request":{"keys":["/a?b=<c>&d"],"request_id":"r"}`) {
		t.Errorf("want two lines:\n%s", r.out)
	}
	var list struct {
		Records []map[string]any
		Next    *string `json:"next_page_token"`
	}
	r = ringcast(t, "audit", "-o", "json", "--server", server)
	if err := json.Unmarshal([]byte(r.out), &list); err != nil || len(list.Records) != 3 || list.Next == nil || *list.Next != "" {
		t.Errorf("%v in %s", err, r.out)
	}
}

func TestAuditAsks(t *testing.T) {
	t.Parallel()
	f := new(fake)
	ringcast(t, "audit", "--principal", "alice", "--address", "::1", "--rpc", "BanIP", "--request-id", "a b", "--contains", "<x>",
		"--since", "2026-01-02T15:04:05+01:00", "--until", "2026-01-03T00:00:00Z", "--limit", "7", "--server", f.start(t)).
		want(t, exitDone, "", "ringcast: no audit records\n")
	want := &ringcastv1.ListAuditRequest{
		PageSize: 7, Principal: "alice", Address: "::1", Rpc: "BanIP", RequestId: "a b", Contains: "<x>",
		Since: timestamppb.New(time.Date(2026, 1, 2, 14, 4, 5, 0, time.UTC)), Until: timestamppb.New(time.Date(2026, 1, 3, 0, 0, 0, 0, time.UTC)),
	}
	if diff := cmp.Diff(proto.Message(want), f.asked(t), protocmp.Transform()); diff != "" {
		t.Errorf("request (-want +got):\n%s", diff)
	}
	f = new(fake)
	ringcast(t, "audit", "--since", "2h", "--until", "30m", "--server", f.start(t)).want(t, exitDone, "", "no audit records")
	asked, _ := f.asked(t).(*ringcastv1.ListAuditRequest)
	if span := asked.GetUntil().AsTime().Sub(asked.GetSince().AsTime()); span != 90*time.Minute || time.Since(asked.GetSince().AsTime()) < 2*time.Hour {
		t.Errorf("2h to 30m ago is %v", asked)
	}
}

func TestAuditUsage(t *testing.T) {
	t.Parallel()
	for line, want := range map[string]string{
		"audit extra":                 "takes no argument",
		"audit --limit -1":            "--limit is -1",
		"audit --since yesterday":     "--since is \"yesterday\"; it is a time ago",
		"audit --until -5m":           "--until is \"-5m\"",
		"audit --since 1h --until 2h": "--until is not after --since",
	} {
		ringcast(t, append(strings.Fields(line), "--server", "203.0.113.255:9")...).want(t, exitUsage, "", want)
	}
}

// What a caller wrote steers no terminal, and loses nothing in JSON.
func TestAuditIsSafeForTerminals(t *testing.T) {
	t.Parallel()
	record := auditRecord(t, 1, map[string]any{"reason": hostile, hostile: hostile})
	record.Principal, record.Address, record.Rpc, record.RequestId = hostile, hostile, hostile, hostile
	server := (&fake{records: []*ringcastv1.AuditRecord{record}}).start(t)
	unsafe := regexp.MustCompile(`[\x00-\x09\x0b-\x1f\x7f-\x{9f}\x{202e}\x{2028}]`)
	for _, format := range formats() {
		r := ringcast(t, "audit", "-o", format, "--server", server)
		if at := unsafe.FindString(r.out + r.errOut); at != "" || (format == formatTable && strings.Count(r.out, "\n") != 2) {
			t.Errorf("-o %s prints %q: %q", format, at, r.out)
		}
	}
	ringcast(t, "audit", "--server", server).want(t, exitDone, `"reason":"a\u001b[2Jb\u202ec`, "")
	var line struct{ Request map[string]string }
	if err := json.Unmarshal([]byte(ringcast(t, "audit", "-o", "jsonl", "--server", server).out), &line); err != nil || line.Request["reason"] != hostile {
		t.Errorf("JSON lost something: %q, %v", line.Request, err)
	}
}
