package api_test

import (
	"net/http"
	"testing"

	"google.golang.org/grpc/metadata"

	ringcastv1 "github.com/ringcast/ringcast/gen/ringcast/v1"
)

// TestCallerCannotSayWhoItIs tries every way in which a caller could name
// another address than its own.
func TestCallerCannotSayWhoItIs(t *testing.T) {
	t.Parallel()
	e := start(t)
	check := func(how string) {
		t.Helper()
		if got := e.log.last(); got.Address != "127.0.0.1" || got.Principal != "anonymous" {
			t.Errorf("%s: %s from %q, want anonymous from 127.0.0.1", how, got.Principal, got.Address)
		}
	}
	forged := metadata.AppendToOutgoingContext(t.Context(), "ringcast-address", "6.6.6.6", "x-forwarded-for", "6.6.6.6")
	if _, err := e.bans.BanIP(forged, &ringcastv1.BanIPRequest{Ip: "1.2.3.4"}); err != nil {
		t.Fatal(err)
	}
	check("gRPC metadata")
	for _, header := range []string{
		"Grpc-Metadata-Ringcast-Address", "Grpc-Metadata-ringcast-address", "Ringcast-Address",
		"Grpcgateway-Ringcast-Address", "X-Forwarded-For", "Forwarded", "Grpc-Metadata-X-Forwarded-For",
	} {
		if got := e.rest("POST", "/v1/bans", `{"ip":"1.2.3.4"}`, header, "6.6.6.6"); got.status != http.StatusOK {
			t.Errorf("%s: %d %s", header, got.status, got.text)
		}
		check(header)
	}
}

// TestHeadersDoNotSteer sends headers that grpc-gateway obeys by itself.
func TestHeadersDoNotSteer(t *testing.T) {
	t.Parallel()
	e := start(t)
	form := []string{"Content-Type", "application/x-www-form-urlencoded"}
	if got := e.rest("POST", "/v1/bans", "", append(form, "X-HTTP-Method-Override", "DELETE")...); got.reason() != "INVALID_IP" || e.head() != 0 {
		t.Errorf("method override: %d %s", got.status, got.text)
	}
	if got := e.rest("POST", "/v1/status", "", form...); got.status != http.StatusMethodNotAllowed {
		t.Errorf("a form that falls back to GET: %d %s", got.status, got.text)
	}
	if got := e.rest("POST", "/v1/bans", `{"ip":"1.2.3.4"}`, "Grpc-Timeout", "1n"); got.status != http.StatusOK {
		t.Errorf("Grpc-Timeout: %d %s", got.status, got.text)
	}
	got := e.rest("GET", "/v1/status", "", "Te", "trailers")
	for name := range got.header {
		if len(name) > 4 && name[:4] == "Grpc" {
			t.Errorf("the answer has gRPC's header %s", name)
		}
	}
}
