package api_test

import (
	"net/http"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/testing/protocmp"
	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/timestamppb"

	ringcastv1 "github.com/ringcast/ringcast/gen/ringcast/v1"
)

func (e *env) allow(ip string, ttl *durationpb.Duration) {
	e.t.Helper()
	if _, err := e.allows.AllowIP(e.t.Context(), &ringcastv1.AllowIPRequest{Ip: ip, Reason: "office", Ttl: ttl}); err != nil {
		e.t.Fatal(err)
	}
}

func TestAllowIsListedCheckedAndRemoved(t *testing.T) {
	t.Parallel()
	e := startAt(t, (&clock{now: noon}).Now)
	e.allow("::ffff:1.2.3.4", durationpb.New(time.Minute))
	want := &ringcastv1.Allow{
		Ip: "1.2.3.4", Reason: "office", Position: 1,
		CreateTime: timestamppb.New(noon), ExpiresAt: timestamppb.New(noon.Add(time.Minute)),
	}
	list, err := e.allows.ListAllows(t.Context(), &ringcastv1.ListAllowsRequest{})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(&ringcastv1.ListAllowsResponse{Allows: []*ringcastv1.Allow{want}}, list, protocmp.Transform()); diff != "" {
		t.Errorf("list (-want +got):\n%s", diff)
	}
	check, err := e.bans.CheckIP(t.Context(), &ringcastv1.CheckIPRequest{Ip: "1.2.3.4"})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(&ringcastv1.CheckIPResponse{Allow: want}, check, protocmp.Transform()); diff != "" {
		t.Errorf("check (-want +got):\n%s", diff)
	}
	removed, err := e.allows.RemoveAllow(t.Context(), &ringcastv1.RemoveAllowRequest{Ip: "1.2.3.4"})
	if err != nil || removed.GetPosition() != 2 || removed.GetEpoch() == "" {
		t.Fatalf("%v, %v", removed, err)
	}
	if list, err = e.allows.ListAllows(t.Context(), &ringcastv1.ListAllowsRequest{}); err != nil || len(list.GetAllows()) != 0 {
		t.Errorf("after the removal: %v, %v", list, err)
	}
}

func TestAllowPages(t *testing.T) {
	t.Parallel()
	e := start(t)
	for _, ip := range []string{"10.0.0.0/8", "192.0.2.1", "::1"} {
		e.allow(ip, nil)
	}
	first, err := e.allows.ListAllows(t.Context(), &ringcastv1.ListAllowsRequest{PageSize: 2})
	if err != nil || len(first.GetAllows()) != 2 {
		t.Fatalf("%v, %v", first, err)
	}
	rest, err := e.allows.ListAllows(t.Context(), &ringcastv1.ListAllowsRequest{PageToken: first.GetNextPageToken()})
	if err != nil || len(rest.GetAllows()) != 1 || rest.GetAllows()[0].GetIp() != "::1" || rest.GetNextPageToken() != "" {
		t.Errorf("%v, %v", rest, err)
	}
	_, err = e.bans.ListBans(t.Context(), &ringcastv1.ListBansRequest{PageToken: first.GetNextPageToken()})
	if reasonOf(err) != "INVALID_PAGE_TOKEN" {
		t.Errorf("bans take a token of the allow entries: %v", err)
	}
}

func TestAllowedAddressesAreNotBanned(t *testing.T) {
	t.Parallel()
	c := &clock{now: noon}
	e := startAt(t, c.Now)
	e.allow("203.0.113.0/24", durationpb.New(time.Minute))
	e.allow("2001:db8::/32", nil)
	head := e.head()
	for _, ban := range []*ringcastv1.BanIPRequest{
		{Ip: "203.0.113.7"},
		{Ip: "203.0.113.0/24"},
		{Ip: "2001:db8::/48", Reason: "a", RequestId: "r"},
		{Ip: "203.0.113.7", Automatic: true, Override: true},
	} {
		_, err := e.bans.BanIP(t.Context(), ban)
		if status.Code(err) != codes.FailedPrecondition || reasonOf(err) != "ADDRESS_ALLOWED" {
			t.Errorf("%v: %v", ban, err)
		}
	}
	got := e.rest("POST", "/v1/bans", `{"ip":"203.0.113.7"}`)
	if got.status != http.StatusBadRequest || got.reason() != "ADDRESS_ALLOWED" || got.json["code"] != float64(codes.FailedPrecondition) {
		t.Errorf("REST: %d %s", got.status, got.text)
	}
	if e.head() != head {
		t.Errorf("something was written: head %d, was %d", e.head(), head)
	}
	if got := e.rest("POST", "/v1/bans", `{"ip":"203.0.113.7","override":true,"reason":"waits"}`); got.status != http.StatusOK {
		t.Errorf("override: %d %s", got.status, got.text)
	}
	if got := e.rest("POST", "/v1/bans", `{"ip":"203.0.0.0/16"}`); got.status != http.StatusOK {
		t.Errorf("a wider ban: %d %s", got.status, got.text)
	}
	e.checked("203.0.113.7", false, "203.0.113.7", "203.0.113.0/24")
	e.checked("203.0.113.8", false, "203.0.0.0/16", "203.0.113.0/24")
	e.checked("203.0.112.0/23", true, "203.0.0.0/16", "")
	e.checked("2001:db8::1", false, "", "2001:db8::/32")
	c.advance(time.Minute)
	e.checked("203.0.113.7", true, "203.0.113.7", "")
}

// checked wants what CheckIP says, with "" for none.
func (e *env) checked(ip string, banned bool, ban, allow string) {
	e.t.Helper()
	got, err := e.bans.CheckIP(e.t.Context(), &ringcastv1.CheckIPRequest{Ip: ip})
	if err != nil {
		e.t.Fatal(err)
	}
	if got.GetBanned() != banned || got.GetBan().GetIp() != ban || got.GetAllow().GetIp() != allow {
		e.t.Errorf("check of %s: %v; want banned %t, ban %q, allow %q", ip, got, banned, ban, allow)
	}
}

func TestAllowREST(t *testing.T) {
	t.Parallel()
	e := startAt(t, (&clock{now: noon}).Now)
	if got, want := e.rest("GET", "/v1/allows", "").text, `{"allows":[],"next_page_token":""}`; got != want {
		t.Errorf("empty list is %s, want %s", got, want)
	}
	got := e.rest("POST", "/v1/allows", `{"ip":"2001:DB8::/32","reason":"office","ttl":"90s","requestId":"a"}`)
	if got.status != http.StatusOK || got.json["position"] != "1" || got.json["epoch"] == nil {
		t.Fatalf("allow: %d %s", got.status, got.text)
	}
	want := `{"allows":[{"ip":"2001:db8::/32","reason":"office","create_time":"2025-11-21T12:00:00Z",` +
		`"expires_at":"2025-11-21T12:01:30Z","position":"1"}],"next_page_token":""}`
	if got := e.rest("GET", "/v1/allows", "").text; got != want {
		t.Errorf("list is\n%s\nwant\n%s", got, want)
	}
	if got := e.rest("GET", "/v1/bans:check?ip=2001:db8::1", ""); got.json["banned"] != false || got.json["ban"] != nil || got.json["allow"] == nil {
		t.Errorf("check: %s", got.text)
	}
	if got := e.rest("GET", "/v1/status", ""); got.json["allows"] != "1" || got.json["bans"] != "0" {
		t.Errorf("status: %s", got.text)
	}
}

// TestDeleteAllowRoutes holds what an address in a path can look like.
func TestDeleteAllowRoutes(t *testing.T) {
	t.Parallel()
	e := start(t)
	for path, ip := range map[string]string{
		"/v1/allows/::1":                       "::1",
		"/v1/allows/%3A%3A1":                   "::1",
		"/v1/allows/1.2.3.4":                   "1.2.3.4",
		"/v1/allows/2001:db8::/32":             "2001:db8::/32",
		"/v1/allows/2001:db8::%2F32":           "2001:db8::/32",
		"/v1/allows/10.0.0.0%2F8":              "10.0.0.0/8",
		"/v1/allows?ip=10.0.0.0%2F8":           "10.0.0.0/8",
		"/v1/allows/::ffff:9.9.9.9?requestId=": "9.9.9.9",
	} {
		e.allow(ip, nil)
		if got := e.rest("DELETE", path, ""); got.status != http.StatusOK {
			t.Errorf("DELETE %s: %d %s", path, got.status, got.text)
		}
		e.checked(ip, false, "", "")
	}
	head := e.head()
	for _, path := range []string{"/v1/allows", "/v1/allows/", "/v1/allows/nonsense", "/v1/allows/10.0.0.1%2F8"} {
		if got := e.rest("DELETE", path, ""); got.status != http.StatusBadRequest || got.reason() != "INVALID_IP" || e.head() != head {
			t.Errorf("DELETE %s: %d %s; head %d, was %d", path, got.status, got.text, e.head(), head)
		}
	}
}

func TestAllowIsValidated(t *testing.T) {
	t.Parallel()
	e := start(t)
	for body, reason := range map[string]string{
		`{}`:                                 "INVALID_IP",
		`{"ip":"0.0.0.0/0"}`:                 "INVALID_IP",
		`{"ip":"::1","reason":"a\nb"}`:       "INVALID_REASON",
		`{"ip":"::1","ttl":"0s"}`:            "INVALID_TTL",
		`{"ip":"::1","ttl":"3155760001s"}`:   "INVALID_TTL",
		`{"ip":"::1","request_id":"\u0000"}`: "INVALID_REQUEST_ID",
		`{"ip":"::1","automatic":true}`:      "MALFORMED_REQUEST",
	} {
		if got := e.rest("POST", "/v1/allows", body); got.status != http.StatusBadRequest || got.reason() != reason {
			t.Errorf("%s: %d %s, want %s", body, got.status, got.text, reason)
		}
	}
	if e.head() != 0 {
		t.Errorf("something was written: head %d", e.head())
	}
}

func TestRevocationsLastALife(t *testing.T) {
	t.Parallel()
	e := startWith(t, (&clock{now: noon}).Now, time.Hour)
	for _, req := range []*ringcastv1.RevokeTokenRequest{
		{Of: &ringcastv1.RevokeTokenRequest_Jti{Jti: "a"}},
		{Of: &ringcastv1.RevokeTokenRequest_Subject{Subject: "b"}},
		{Of: &ringcastv1.RevokeTokenRequest_Jti{Jti: "c"}, Ttl: durationpb.New(time.Minute)},
	} {
		e.revoke(req)
	}
	list, err := e.tokens.ListRevocations(t.Context(), &ringcastv1.ListRevocationsRequest{})
	if err != nil {
		t.Fatal(err)
	}
	var got []time.Duration
	for _, r := range list.GetRevocations() {
		got = append(got, r.GetExpiresAt().AsTime().Sub(noon))
	}
	if diff := cmp.Diff([]time.Duration{time.Hour, time.Minute, time.Hour}, got); diff != "" {
		t.Errorf("ends (-want +got):\n%s", diff)
	}
}
