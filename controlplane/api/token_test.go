package api_test

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/testing/protocmp"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/ringcast/ringcast/controlplane"
	ringcastv1 "github.com/ringcast/ringcast/gen/ringcast/v1"
)

const rawToken = "eyJhbGciOiJub25lIn0.eyJqdGkiOiJhIn0.c2VjcmV0"

func (e *env) revoke(req *ringcastv1.RevokeTokenRequest) {
	e.t.Helper()
	if _, err := e.tokens.RevokeToken(e.t.Context(), req); err != nil {
		e.t.Fatal(err)
	}
}

func TestRevocationIsListedAndRestored(t *testing.T) {
	t.Parallel()
	e := startAt(t, (&clock{now: noon}).Now)
	e.revoke(&ringcastv1.RevokeTokenRequest{Of: &ringcastv1.RevokeTokenRequest_Jti{Jti: "a"}, Reason: "lost"})
	e.revoke(&ringcastv1.RevokeTokenRequest{Of: &ringcastv1.RevokeTokenRequest_Subject{Subject: "ann"}})
	e.revoke(&ringcastv1.RevokeTokenRequest{Of: &ringcastv1.RevokeTokenRequest_Token{Token: rawToken}})
	hash := controlplane.TokenHash(rawToken)
	at := timestamppb.New(noon)
	want := &ringcastv1.ListRevocationsResponse{Revocations: []*ringcastv1.Revocation{
		{Of: &ringcastv1.Revocation_TokenHash{TokenHash: hash}, CreateTime: at, Position: 3},
		{Of: &ringcastv1.Revocation_Jti{Jti: "a"}, Reason: "lost", CreateTime: at, Position: 1},
		{Of: &ringcastv1.Revocation_Subject{Subject: "ann"}, CreateTime: at, IssuedBefore: at, Position: 2},
	}}
	got, err := e.tokens.ListRevocations(t.Context(), &ringcastv1.ListRevocationsRequest{})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got, protocmp.Transform()); diff != "" {
		t.Errorf("list (-want +got):\n%s", diff)
	}
	for _, req := range []*ringcastv1.RestoreTokenRequest{
		{Of: &ringcastv1.RestoreTokenRequest_Jti{Jti: "a"}},
		{Of: &ringcastv1.RestoreTokenRequest_Subject{Subject: "ann"}},
		{Of: &ringcastv1.RestoreTokenRequest_TokenHash{TokenHash: strings.ToUpper(hash)}},
	} {
		if _, err := e.tokens.RestoreToken(t.Context(), req); err != nil {
			t.Fatal(err)
		}
	}
	if got, err = e.tokens.ListRevocations(t.Context(), &ringcastv1.ListRevocationsRequest{}); err != nil || len(got.GetRevocations()) != 0 {
		t.Errorf("after the restorations: %v, %v", got, err)
	}
}

func TestCheckToken(t *testing.T) {
	t.Parallel()
	e := startAt(t, (&clock{now: noon}).Now)
	e.revoke(&ringcastv1.RevokeTokenRequest{Of: &ringcastv1.RevokeTokenRequest_Jti{Jti: "a"}})
	e.revoke(&ringcastv1.RevokeTokenRequest{Of: &ringcastv1.RevokeTokenRequest_Subject{Subject: "ann"}})
	e.revoke(&ringcastv1.RevokeTokenRequest{Of: &ringcastv1.RevokeTokenRequest_Token{Token: rawToken}})
	issued := func(after time.Duration) *timestamppb.Timestamp { return timestamppb.New(noon.Add(after)) }
	for _, tt := range []struct {
		name string
		req  *ringcastv1.CheckTokenRequest
		want uint64 // position of the revocation; 0: none
	}{
		{"id", &ringcastv1.CheckTokenRequest{Jti: "a"}, 1},
		{"another id", &ringcastv1.CheckTokenRequest{Jti: "b"}, 0},
		{"bytes", &ringcastv1.CheckTokenRequest{Token: rawToken}, 3},
		{"subject, issued nobody knows when", &ringcastv1.CheckTokenRequest{Subject: "ann"}, 2},
		{"subject, issued before", &ringcastv1.CheckTokenRequest{Subject: "ann", IssuedAt: issued(-time.Second)}, 2},
		{"subject, issued at that moment", &ringcastv1.CheckTokenRequest{Subject: "ann", IssuedAt: issued(0)}, 2},
		{"subject, issued in that second", &ringcastv1.CheckTokenRequest{Subject: "ann", IssuedAt: issued(time.Second - 1)}, 2},
		{"subject, issued after", &ringcastv1.CheckTokenRequest{Subject: "ann", IssuedAt: issued(time.Second)}, 0},
		{"another subject", &ringcastv1.CheckTokenRequest{Subject: "a"}, 0},
		{"one part of several", &ringcastv1.CheckTokenRequest{Jti: "b", Subject: "ann", Token: "x", IssuedAt: issued(0)}, 2},
		{"the narrowest first", &ringcastv1.CheckTokenRequest{Jti: "a", Subject: "ann", Token: rawToken}, 1},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got, err := e.tokens.CheckToken(t.Context(), tt.req)
			if err != nil {
				t.Fatal(err)
			}
			if got.GetRevocation().GetPosition() != tt.want || got.GetRevoked() != (tt.want != 0) {
				t.Errorf("check: %v, want the revocation at %d", got, tt.want)
			}
		})
	}
}

// TestRawTokenIsNotKept looks for the token wherever a request leaves traces.
func TestRawTokenIsNotKept(t *testing.T) {
	t.Parallel()
	e := start(t)
	if got := e.rest("POST", "/v1/revocations", `{"token":"`+rawToken+`"}`); got.status != 200 {
		t.Fatalf("revoke: %s", got.text)
	}
	detail := e.log.last().Detail
	if want := `{"token":"sha256:` + controlplane.TokenHash(rawToken) + `"}`; detail != want {
		t.Errorf("audit detail is %s, want %s", detail, want)
	}
	page, err := e.log.Read(t.Context(), 0, 10)
	if err != nil {
		t.Fatal(err)
	}
	if data := string(page.Units[0].Events[0].Data); strings.Contains(data, rawToken) {
		t.Errorf("the event has the token: %s", data)
	}
	for _, body := range []string{
		`{"token":` + rawToken + `}`,
		`{"token":["` + rawToken + `"]}`,
		`{"token":"` + rawToken + ` "}`,
		`{"jti":"a","token":"` + rawToken + `"}`,
		`{"token":"` + rawToken + `"} ` + rawToken,
		`{"token":"` + rawToken + `","ttl":"0s"}`,
	} {
		if got := e.rest("POST", "/v1/revocations", body); got.status != 400 || strings.Contains(got.text, rawToken) {
			t.Errorf("%s: %d %s", body, got.status, got.text)
		}
	}
	if strings.Contains(e.logs.String(), rawToken) {
		t.Errorf("the token is logged: %s", e.logs)
	}
}
