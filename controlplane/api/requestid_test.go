package api_test

import (
	"net/http"
	"strconv"
	"testing"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	ringcastv1 "github.com/ringcast/ringcast/gen/ringcast/v1"
)

// TestRequestIDMakesARepeatHarmless repeats over both transports.
func TestRequestIDMakesARepeatHarmless(t *testing.T) {
	t.Parallel()
	e := start(t)
	first, err := e.bans.BanIP(t.Context(), &ringcastv1.BanIPRequest{Ip: "1.2.3.4", Reason: "abuse", RequestId: "a b"})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := e.bans.UnbanIP(t.Context(), &ringcastv1.UnbanIPRequest{Ip: "1.2.3.4"}); err != nil {
		t.Fatal(err)
	}
	again, err := e.bans.BanIP(t.Context(), &ringcastv1.BanIPRequest{Ip: "1.2.3.4", Reason: "abuse", RequestId: "a b"})
	if err != nil || again.GetPosition() != first.GetPosition() || again.GetEpoch() != first.GetEpoch() {
		t.Errorf("gRPC repeat: %v, %v; the first answer was %v", again, err, first)
	}
	got := e.rest("POST", "/ban/ip", `{"reason":"abuse","ip":"1.2.3.4","request_id":"a b"}`)
	if got.status != http.StatusOK || got.json["position"] != strconv.FormatUint(first.GetPosition(), 10) {
		t.Errorf("REST repeat: %d %s; the first answer was %v", got.status, got.text, first)
	}
	if head := e.head(); head != 2 {
		t.Errorf("the repeats wrote: head is %d, want 2", head)
	}
}

func TestRequestIDOfAnotherRequestIsRefused(t *testing.T) {
	t.Parallel()
	e := start(t)
	if got := e.rest("POST", "/v1/bans", `{"ip":"1.2.3.4","request_id":"a"}`); got.status != http.StatusOK {
		t.Fatal(got.text)
	}
	_, err := e.bans.BanIP(t.Context(), &ringcastv1.BanIPRequest{Ip: "1.2.3.5", RequestId: "a"})
	if status.Code(err) != codes.AlreadyExists || reasonOf(err) != "REQUEST_ID_REUSED" {
		t.Errorf("gRPC, another address: %v", err)
	}
	for name, got := range map[string]answer{
		"another address": e.rest("POST", "/v1/bans", `{"ip":"1.2.3.5","request_id":"a"}`),
		"another RPC":     e.rest("DELETE", "/v1/bans/1.2.3.4?request_id=a", ""),
	} {
		if got.status != http.StatusConflict || got.reason() != "REQUEST_ID_REUSED" {
			t.Errorf("REST, %s: %d %s", name, got.status, got.text)
		}
	}
	if head := e.head(); head != 1 {
		t.Errorf("something was written: head is %d, want 1", head)
	}
}

// TestAuditRecord holds what is kept of a request.
func TestAuditRecord(t *testing.T) {
	t.Parallel()
	e := start(t)
	if got := e.rest("POST", "/v1/bans", ` { "ip" : "::1", "ttl": "90s", "requestId": "a" } `); got.status != http.StatusOK {
		t.Fatal(got.text)
	}
	got := e.log.last()
	if want := `{"ip":"::1","ttl":"90s","request_id":"a"}`; got.Detail != want || got.RPC != "/ringcast.v1.BanService/BanIP" || got.ID != "a" {
		t.Errorf("recorded %+v, want the detail %s", got, want)
	}
}
