package api_test

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/testing/protocmp"
	"google.golang.org/protobuf/types/known/durationpb"

	"github.com/ringcast/ringcast/controlplane"
	"github.com/ringcast/ringcast/controlplane/api"
	"github.com/ringcast/ringcast/controlplane/eventlog"
	ringcastv1 "github.com/ringcast/ringcast/gen/ringcast/v1"
)

type mutation = ringcastv1.Mutation

func banned(ip string) *mutation {
	return &mutation{Of: &ringcastv1.Mutation_BanIp{BanIp: &ringcastv1.BanIPRequest{Ip: ip}}}
}

func unbanned(ip string) *mutation {
	return &mutation{Of: &ringcastv1.Mutation_UnbanIp{UnbanIp: &ringcastv1.UnbanIPRequest{Ip: ip}}}
}

func allowed(ip string) *mutation {
	return &mutation{Of: &ringcastv1.Mutation_AllowIp{AllowIp: &ringcastv1.AllowIPRequest{Ip: ip}}}
}

func invalidated(tags ...string) *mutation {
	return &mutation{Of: &ringcastv1.Mutation_Invalidate{Invalidate: &ringcastv1.InvalidateRequest{Tags: tags}}}
}

// ofEach has one mutation of each kind.
func ofEach() []*mutation {
	return []*mutation{
		{Of: &ringcastv1.Mutation_BanIp{BanIp: &ringcastv1.BanIPRequest{Ip: "::ffff:1.2.3.4", Reason: "abuse", Ttl: durationpb.New(90e9)}}},
		unbanned("2001:DB8::/32"),
		allowed("10.0.0.1"),
		{Of: &ringcastv1.Mutation_RemoveAllow{RemoveAllow: &ringcastv1.RemoveAllowRequest{Ip: "10.0.0.2"}}},
		{Of: &ringcastv1.Mutation_RevokeToken{RevokeToken: &ringcastv1.RevokeTokenRequest{Of: &ringcastv1.RevokeTokenRequest_Token{Token: "secret"}}}},
		{Of: &ringcastv1.Mutation_RestoreToken{RestoreToken: &ringcastv1.RestoreTokenRequest{Of: &ringcastv1.RestoreTokenRequest_Jti{Jti: "j"}}}},
		invalidated("a", "b:*"),
		{Of: &ringcastv1.Mutation_Preload{Preload: &ringcastv1.PreloadRequest{Routes: []string{"/"}}}},
		{Of: &ringcastv1.Mutation_Publish{Publish: &ringcastv1.PublishRequest{Type: "t", Data: "data of an application"}}},
	}
}

func (e *env) apply(requestID string, list ...*mutation) (*ringcastv1.ApplyResponse, error) {
	e.t.Helper()
	return ringcastv1.NewBatchServiceClient(e.conn).Apply(e.t.Context(), &ringcastv1.ApplyRequest{Mutations: list, RequestId: requestID})
}

// TestBatchIsOneUnit wants one unit of adjacent events in the order of the request,
// the audit without the token, and a repeat to have the same answer.
func TestBatchIsOneUnit(t *testing.T) {
	t.Parallel()
	e := start(t)
	if _, err := e.apply("", banned("9.9.9.9")); err != nil {
		t.Fatal(err)
	}
	first, err := e.apply("r", ofEach()...)
	if err != nil {
		t.Fatal(err)
	}
	want := &ringcastv1.ApplyResponse{Position: 10, Epoch: first.GetEpoch(), Positions: []uint64{2, 3, 4, 5, 6, 7, 8, 9, 10}}
	if diff := cmp.Diff(want, first, protocmp.Transform()); diff != "" || first.GetEpoch() == "" {
		t.Errorf("answer (-want +got):\n%s", diff)
	}
	page, err := e.log.Read(t.Context(), 1, 100)
	if err != nil || len(page.Units) != 1 {
		t.Fatalf("%d units, %v", len(page.Units), err)
	}
	for i, event := range page.Units[0].Events {
		if event.Position != first.GetPositions()[i] {
			t.Errorf("event %d is at %d", i, event.Position)
		}
	}
	if request := e.log.last(); request.ID != "r" || request.RPC != "/ringcast.v1.BatchService/Apply" ||
		strings.Contains(request.Detail, `"secret"`) || strings.Contains(request.Detail, "application") || !strings.Contains(request.Detail, `"token":"sha256:2bb80d53`) {
		t.Errorf("audit: %+v", request)
	}
	again, err := e.apply("r", ofEach()...)
	if diff := cmp.Diff(first, again, protocmp.Transform()); diff != "" || err != nil || e.head() != 10 {
		t.Errorf("repeated: %v, head %d (-first +again):\n%s", err, e.head(), diff)
	}
	if _, err := e.apply("r", ofEach()[1:]...); reasonOf(err) != controlplane.ReasonRequestIDReused {
		t.Errorf("the id for another batch: %v", err)
	}
}

// TestBatchRefusals wants each to have the reason of the member, its index, and
// nothing to be written.
func TestBatchRefusals(t *testing.T) {
	t.Parallel()
	e := start(t)
	if _, err := e.apply("", allowed("10.0.0.0/8")); err != nil {
		t.Fatal(err)
	}
	withID := proto.CloneOf(banned("1.2.3.5"))
	withID.GetBanIp().RequestId = "r"
	for name, row := range map[string]struct {
		list             []*mutation
		code             codes.Code
		reason, sentence string
	}{
		"none":           {nil, codes.InvalidArgument, "WRONG_NUMBER_OF_MUTATIONS", "a batch has 1 to 100 mutations"},
		"too many":       {bansOf(eventlog.MaxUnit + 1), codes.InvalidArgument, "WRONG_NUMBER_OF_MUTATIONS", "a batch has 1 to 100 mutations"},
		"empty":          {[]*mutation{banned("1.2.3.4"), {}}, codes.InvalidArgument, "NOTHING_SELECTED", "mutations[1]: name a mutation"},
		"no IP":          {[]*mutation{banned("1.2.3.4"), banned("1.2.3")}, codes.InvalidArgument, "INVALID_IP", "mutations[1]: ip: "},
		"long IP":        {[]*mutation{banned(strings.Repeat("1", 65))}, codes.InvalidArgument, "INVALID_IP", "mutations[0]: ip: "},
		"rule of a ban":  {[]*mutation{banned("1.2.3.4"), {Of: &ringcastv1.Mutation_BanIp{BanIp: &ringcastv1.BanIPRequest{Ip: "1.2.3.5", Ttl: durationpb.New(1)}}}}, codes.InvalidArgument, "INVALID_TTL", "mutations[1]: a ttl is from 1s"},
		"no selection":   {[]*mutation{invalidated()}, codes.InvalidArgument, "NOTHING_SELECTED", "mutations[0]: select something"},
		"no token":       {[]*mutation{{Of: &ringcastv1.Mutation_RevokeToken{RevokeToken: &ringcastv1.RevokeTokenRequest{}}}}, codes.InvalidArgument, "NOTHING_SELECTED", "mutations[0]: give one of jti"},
		"type":           {[]*mutation{{Of: &ringcastv1.Mutation_Publish{Publish: &ringcastv1.PublishRequest{Type: "reset"}}}}, codes.InvalidArgument, "RESERVED_TYPE", `mutations[0]: type "reset" is one of`},
		"tag":            {[]*mutation{invalidated("a*b")}, codes.InvalidArgument, "INVALID_TAG", `mutations[0]: tag "a*b" has a *`},
		"id of a member": {[]*mutation{banned("1.2.3.4"), withID}, codes.InvalidArgument, "INVALID_REQUEST_ID", "mutations[1]: a mutation of a batch has no request_id"},
		"repeat":         {[]*mutation{banned("1.2.3.4"), invalidated("a"), unbanned("::ffff:1.2.3.4")}, codes.InvalidArgument, "REPEATED_ENTITY", "mutations[0] and mutations[2] are about the same: 1.2.3.4"},
		"allowed":        {[]*mutation{banned("1.2.3.4"), banned("10.1.2.3")}, codes.FailedPrecondition, "ADDRESS_ALLOWED", "mutations[1]: 10.1.2.3 is allowed by"},
	} {
		_, err := e.apply("same", row.list...)
		answer := status.Convert(err)
		if answer.Code() != row.code || reasonOf(err) != row.reason || !strings.HasPrefix(answer.Message(), row.sentence) {
			t.Errorf("%s: %v (%s)", name, err, reasonOf(err))
		}
	}
	if e.head() != 1 {
		t.Errorf("refused batches wrote: head %d", e.head())
	}
	// A refusal is not remembered, and the most that is allowed passes.
	if answer, err := e.apply("same", bansOf(eventlog.MaxUnit)...); err != nil || answer.GetPosition() != 1+eventlog.MaxUnit {
		t.Errorf("%v, %v", answer, err)
	}
}

func bansOf(n int) []*mutation {
	list := make([]*mutation, n)
	for i := range list {
		list[i] = banned(fmt.Sprintf("192.0.%d.%d", i>>8, i&255))
	}
	return list
}

// TestBatchOverREST has the same answers in JSON.
func TestBatchOverREST(t *testing.T) {
	t.Parallel()
	e := start(t)
	got := e.rest("POST", "/v1/batch", `{"request_id":"r","mutations":[{"ban_ip":{"ip":"1.2.3.4","ttl":"90s"}},{"revokeToken":{"subject":"eve"}},{"invalidate":{"all":true}}]}`)
	if got.status != http.StatusOK || !strings.HasPrefix(got.text, `{"position":"3","epoch":"`) || !strings.HasSuffix(got.text, `"positions":["1","2","3"]}`) {
		t.Errorf("%d %s", got.status, got.text)
	}
	for body, want := range map[string]string{
		`{"mutations":[{"ban_ip":{"ip":"1.2.3.5"}},{"unban_ip":{"ip":"1.2.3.5"}}]}`:      "REPEATED_ENTITY",
		`{"mutations":[{"ban_ip":{"ip":"1.2.3.5"}},{"preload":{}}]}`:                     "NOTHING_SELECTED",
		`{"mutations":[{"ban_ip":{"ip":"1.2.3.5"},"unban_ip":{"ip":"1.2.3.6"}}]}`:        "MALFORMED_REQUEST",
		`{"mutations":[{"ban_ip":{"ip":"1.2.3.5","adress":"x"}}]}`:                       "MALFORMED_REQUEST",
		`{"mutations":[{"ban_ip":{"ip":"1.2.3.5","ttl":"90"}}]}`:                         "MALFORMED_REQUEST",
		`{"mutations":[{"unpublish":{}}]}`:                                               "MALFORMED_REQUEST",
		`{}`:                                                                             "WRONG_NUMBER_OF_MUTATIONS",
		`{"request_id":"r","mutations":[{"ban_ip":{"ip":"1.2.3.5"}}]}`:                   "REQUEST_ID_REUSED",
		`{"mutations":[{"invalidate":{"tags":["` + strings.Repeat("a", 1<<20) + `"]}}]}`: "REQUEST_TOO_LARGE",
	} {
		if answer := e.rest("POST", "/v1/batch", body); answer.reason() != want || answer.status < 400 {
			t.Errorf("%.90s: %d %s, want %s", body, answer.status, answer.text, want)
		}
	}
	if e.head() != 3 {
		t.Errorf("refused batches wrote: head %d", e.head())
	}
	if answer := e.rest("GET", "/openapi.json", ""); !strings.Contains(answer.text, `"/v1/batch"`) {
		t.Error("the description of the API has no /v1/batch")
	}
}

// TestLargestBatch has the most that fits into a request pass.
func TestLargestBatch(t *testing.T) {
	t.Parallel()
	e := start(t)
	tags := make([]string, 400)
	for i := range tags {
		tags[i] = fmt.Sprintf("%0*d", controlplane.MaxTagBytes, i)
	}
	large := slices.Repeat([]*mutation{invalidated(tags...)}, 9)
	if n := proto.Size(&ringcastv1.ApplyRequest{Mutations: large}); n > api.MaxMessageBytes || n < api.MaxMessageBytes*8/10 {
		t.Fatalf("the request has %d bytes", n)
	}
	if answer, err := e.apply("", large...); err != nil || answer.GetPosition() != 9 {
		t.Errorf("%v, %v", answer, err)
	}
}
