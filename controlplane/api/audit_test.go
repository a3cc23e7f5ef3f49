package api_test

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/testing/protocmp"
	"google.golang.org/protobuf/types/known/structpb"
	"google.golang.org/protobuf/types/known/timestamppb"

	ringcastv1 "github.com/ringcast/ringcast/gen/ringcast/v1"
)

// auditOf follows the pages of the audit.
func auditOf(e *env, req *ringcastv1.ListAuditRequest) []*ringcastv1.AuditRecord {
	e.t.Helper()
	var all []*ringcastv1.AuditRecord
	for {
		page, err := ringcastv1.NewAuditServiceClient(e.conn).ListAudit(e.t.Context(), req)
		if err != nil {
			e.t.Fatal(err)
		}
		all = append(all, page.GetRecords()...)
		if req.PageToken = page.GetNextPageToken(); req.PageToken == "" {
			return all
		}
	}
}

// auditPositions are those of the records that meet the conditions.
func auditPositions(e *env, req *ringcastv1.ListAuditRequest) []uint64 {
	e.t.Helper()
	var positions []uint64
	for _, r := range auditOf(e, req) {
		positions = append(positions, r.GetPosition())
	}
	return positions
}

func jsonStruct(t testing.TB, text string) *structpb.Struct {
	t.Helper()
	s := new(structpb.Struct)
	if err := protojson.Unmarshal([]byte(text), s); err != nil {
		t.Fatal(err)
	}
	return s
}

// TestAuditTellsOfEachMutation, whatever way it came, and of nothing else.
func TestAuditTellsOfEachMutation(t *testing.T) {
	t.Parallel()
	clock := &clock{now: time.Date(2026, 1, 2, 3, 4, 5, 600_000_000, time.UTC)}
	e := startAt(t, clock.Now)
	ban := &ringcastv1.BanIPRequest{Ip: "::ffff:192.0.2.1", Reason: "abuse", RequestId: "once"}
	for range 2 { // the second is a repeat
		if _, err := e.bans.BanIP(t.Context(), ban); err != nil {
			t.Fatal(err)
		}
	}
	for _, body := range []string{`{"ip":"1.2.3.4.5"}`, `{"ip":"192.0.2.2","request_id":"once"}`, `{`} {
		if got := e.rest("POST", "/v1/bans", body); got.status == http.StatusOK {
			t.Fatalf("%s: %s", body, got.text)
		}
	}
	clock.advance(time.Second)
	if got := e.rest("POST", "/invalidate", `{"tags":["post:1"],"soft":true}`, "X-Forwarded-For", "203.0.113.9"); got.status != http.StatusOK {
		t.Fatal(got.text)
	}
	head, err := e.log.Head(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	want := []*ringcastv1.AuditRecord{{
		Time: timestamppb.New(time.Date(2026, 1, 2, 3, 4, 6, 0, time.UTC)), Principal: "anonymous", Address: "127.0.0.1",
		Rpc: "ringcast.v1.CacheService/Invalidate", Position: 2, Epoch: head.Epoch,
		Request: jsonStruct(t, `{"tags":["post:1"],"soft":true}`),
	}, {
		Time: timestamppb.New(time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)), Principal: "anonymous", Address: "127.0.0.1",
		Rpc: "ringcast.v1.BanService/BanIP", Position: 1, Epoch: head.Epoch, RequestId: "once",
		Request: jsonStruct(t, `{"ip":"::ffff:192.0.2.1","reason":"abuse","request_id":"once"}`),
	}}
	for size := range int32(4) {
		if diff := cmp.Diff(want, auditOf(e, &ringcastv1.ListAuditRequest{PageSize: size}), protocmp.Transform()); diff != "" {
			t.Errorf("page size %d (-want +got):\n%s", size, diff)
		}
	}
}

// TestAuditHasNoRawToken, of whichever request.
func TestAuditHasNoRawToken(t *testing.T) {
	t.Parallel()
	e := start(t)
	const secret = "raw-token"
	for _, path := range []string{"/v1/revocations", "/v1/revocations:restore"} {
		if got := e.rest("POST", path, `{"token":"`+secret+`"}`); got.status != http.StatusOK {
			t.Fatal(got.text)
		}
	}
	got := e.rest("GET", "/v1/audit", "")
	if strings.Contains(got.text, secret) || strings.Count(got.text, "sha256:") != 2 {
		t.Errorf("the audit has %s", got.text)
	}
	if hits := auditPositions(e, &ringcastv1.ListAuditRequest{Contains: secret}); len(hits) > 0 {
		t.Errorf("the token can be looked for: %v", hits)
	}
}

func TestAuditConditions(t *testing.T) {
	t.Parallel()
	clock := &clock{now: time.Date(2026, 1, 2, 3, 4, 5, 600_000_000, time.UTC)}
	e := startAt(t, clock.Now)
	for _, call := range [][2]string{
		{"/v1/bans", `{"ip":"192.0.2.1","request_id":"a b"}`},
		{"/v1/allows", `{"ip":"192.0.2.1"}`},
		{"/invalidate", `{"tags":["<192.0.2.1>"]}`},
	} {
		if got := e.rest("POST", call[0], call[1]); got.status != http.StatusOK {
			t.Fatal(got.text)
		}
		clock.advance(time.Second)
	}
	for query, want := range map[string][]string{
		"":                                     {"3", "2", "1"},
		"principal=anonymous":                  {"3", "2", "1"},
		"principal=nobody":                     nil,
		"address=127.0.0.1":                    {"3", "2", "1"},
		"address=::ffff:127.0.0.1":             {"3", "2", "1"},
		"address=::1":                          nil,
		"rpc=BanIP":                            {"1"},
		"rpc=AllowService/AllowIP":             {"2"},
		"rpc=ringcast.v1.BanService/BanIP":     {"1"},
		"rpc=/ringcast.v1.Old/Gone":            nil,
		"rpc=ListAudit":                        nil,
		"request_id=a%20b":                     {"1"},
		"requestId=a":                          nil,
		"contains=192.0.2.1":                   {"3", "2", "1"},
		"contains=<192.0":                      {"3"},
		"contains=%22192.0.2.1%22&rpc=AllowIP": {"2"},
		"since=2026-01-02T03:04:06Z":           {"3", "2"},
		"since=2026-01-02T03:04:06.9Z":         {"3", "2"},
		"until=2026-01-02T03:04:06Z":           {"1"},
		"until=2026-01-02T03:04:06.1Z":         {"2", "1"},
		"until=0001-01-01T00:00:00Z":           nil,
		"since=0001-01-01T00:00:00Z":           {"3", "2", "1"},
		"since=2026-01-02T04:04:06%2B01:00&until=2026-01-02T03:04:07Z": {"2"},
	} {
		got := e.rest("GET", "/v1/audit?"+query, "")
		records, _ := got.json["records"].([]any)
		var positions []string
		for _, r := range records {
			positions = append(positions, fmt.Sprint(r.(map[string]any)["position"]))
		}
		if got.status != http.StatusOK || !slices.Equal(positions, want) || got.json["next_page_token"] != "" {
			t.Errorf("%s: %d, positions %v, want %v: %s", query, got.status, positions, want, got.text)
		}
	}
}

func TestAuditRefuses(t *testing.T) {
	t.Parallel()
	e := start(t)
	for query, reason := range map[string]string{
		"rpc=Ban":                              "INVALID_RPC",
		"rpc=BanService":                       "INVALID_RPC",
		"rpc=BanService/":                      "INVALID_RPC",
		"rpc=/":                                "INVALID_RPC",
		"rpc=Token/BanIP":                      "INVALID_RPC",
		"address=10.0.0.0/8":                   "INVALID_ADDRESS",
		"address=10.0.0.1:80":                  "INVALID_ADDRESS",
		"page_size=1001":                       "INVALID_PAGE_SIZE",
		"page_token=made-up":                   "INVALID_PAGE_TOKEN",
		"request_id=%01":                       "INVALID_REQUEST_ID",
		"since=yesterday":                      "MALFORMED_REQUEST",
		"position=1":                           "MALFORMED_REQUEST",
		"contains=" + strings.Repeat("x", 257): "INVALID_CONTAINS",
	} {
		if got := e.rest("GET", "/v1/audit?"+query, ""); got.status != http.StatusBadRequest || got.reason() != reason {
			t.Errorf("%s: %d %s", query, got.status, got.text)
		}
	}
	_, err := ringcastv1.NewAuditServiceClient(e.conn).ListAudit(t.Context(), &ringcastv1.ListAuditRequest{Since: &timestamppb.Timestamp{Seconds: 1 << 60}})
	if status.Code(err) != codes.InvalidArgument {
		t.Errorf("a time that is none: %v", err)
	}
}

// TestAuditPageToken is of its conditions and its log alone.
func TestAuditPageToken(t *testing.T) {
	t.Parallel()
	e := start(t)
	for range 3 {
		if _, err := e.bans.BanIP(t.Context(), &ringcastv1.BanIPRequest{Ip: "192.0.2.1"}); err != nil {
			t.Fatal(err)
		}
	}
	client := ringcastv1.NewAuditServiceClient(e.conn)
	first, err := client.ListAudit(t.Context(), &ringcastv1.ListAuditRequest{PageSize: 1, Rpc: "BanIP"})
	if err != nil || first.GetNextPageToken() == "" {
		t.Fatalf("first page: %v, %v", first, err)
	}
	// One that comes in between moves nothing.
	if _, err := e.bans.BanIP(t.Context(), &ringcastv1.BanIPRequest{Ip: "192.0.2.1"}); err != nil {
		t.Fatal(err)
	}
	rest := auditPositions(e, &ringcastv1.ListAuditRequest{Rpc: "BanService/BanIP", PageToken: first.GetNextPageToken()})
	if !slices.Equal(rest, []uint64{2, 1}) {
		t.Errorf("after the first page come %v", rest)
	}
	for how, req := range map[string]*ringcastv1.ListAuditRequest{
		"no condition":      {},
		"another condition": {Rpc: "BanIP", Contains: "192"},
		"a time":            {Rpc: "BanIP", Until: timestamppb.Now()},
	} {
		req.PageToken = first.GetNextPageToken()
		if _, err := client.ListAudit(t.Context(), req); reasonOf(err) != "INVALID_PAGE_TOKEN" {
			t.Errorf("%s: %v", how, err)
		}
	}
	_, err = ringcastv1.NewAuditServiceClient(start(t).conn).ListAudit(t.Context(), &ringcastv1.ListAuditRequest{Rpc: "BanIP", PageToken: first.GetNextPageToken()})
	if reasonOf(err) != "INVALID_PAGE_TOKEN" {
		t.Errorf("another log: %v", err)
	}
}
