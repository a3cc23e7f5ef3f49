package api_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/testing/protocmp"
	"google.golang.org/protobuf/types/known/durationpb"

	"github.com/ringcast/ringcast/controlplane/api"
	"github.com/ringcast/ringcast/controlplane/eventlog"
	ringcastv1 "github.com/ringcast/ringcast/gen/ringcast/v1"
)

type (
	entry         = ringcastv1.ImportBansRequest_BanEntry
	importRequest = ringcastv1.ImportBansRequest
	importAnswer  = ringcastv1.ImportBansResponse
)

// importAll sends all requests, then reads the answers up to the stream's end.
func (e *env) importAll(requests ...*importRequest) ([]*importAnswer, error) {
	e.t.Helper()
	stream, err := e.bans.ImportBans(e.t.Context())
	if err != nil {
		e.t.Fatal(err)
	}
	for _, r := range requests {
		if err := stream.Send(r); err != nil && !errors.Is(err, io.EOF) {
			e.t.Fatal(err)
		}
	}
	if err := stream.CloseSend(); err != nil {
		e.t.Fatal(err)
	}
	var answers []*importAnswer
	for {
		answer, err := stream.Recv()
		if errors.Is(err, io.EOF) {
			return answers, nil
		}
		if err != nil {
			return answers, err
		}
		answers = append(answers, answer)
	}
}

func TestImport(t *testing.T) {
	t.Parallel()
	e := startAt(t, (&clock{now: noon}).Now)
	answers, err := e.importAll(&importRequest{RequestId: "r", Bans: []*entry{
		{Ip: "::ffff:1.2.3.4", Reason: "abuse", Ttl: durationpb.New(time.Minute)},
		{Ip: "2001:DB8::/32"},
		{Ip: "1.2.3.4", Automatic: true},
	}})
	if err != nil || len(answers) != 1 {
		t.Fatalf("%v, %v", answers, err)
	}
	want := &importAnswer{Position: 3, Epoch: answers[0].GetEpoch()}
	if diff := cmp.Diff(want, answers[0], protocmp.Transform()); diff != "" || want.GetEpoch() == "" {
		t.Errorf("answer (-want +got):\n%s", diff)
	}
	list := e.rest("GET", "/v1/bans", "").text
	for _, text := range []string{
		`{"ip":"1.2.3.4","reason":"abuse","create_time":"2025-11-21T12:00:00Z","expires_at":"2025-11-21T12:01:00Z","position":"1","automatic":false}`,
		`"position":"3","automatic":true`, `"ip":"2001:db8::/32"`,
	} {
		if !strings.Contains(list, text) {
			t.Errorf("the list %s has no %s", list, text)
		}
	}
	request := e.log.last()
	if request.RPC != "/ringcast.v1.BanService/ImportBans" || request.Address != "127.0.0.1" || request.Principal != "anonymous" ||
		!strings.Contains(request.Detail, `"ip":"2001:DB8::/32"`) {
		t.Errorf("audit: %+v", request)
	}
}

// TestImportAnswersInOrder sends more than is worked at, before it reads.
func TestImportAnswersInOrder(t *testing.T) {
	t.Parallel()
	const n, bans = 150, 7
	e := start(t)
	var requests []*importRequest
	for i := range n {
		requests = append(requests, importOf(i, bans))
	}
	first, err := e.importAll(requests...)
	if err != nil || len(first) != n || e.head() != n*bans {
		t.Fatalf("%d answers, %v; head %d", len(first), err, e.head())
	}
	again, err := e.importAll(requests...)
	if err != nil || len(again) != n || e.head() != n*bans {
		t.Fatalf("again: %d answers, %v; head %d", len(again), err, e.head())
	}
	seen := make(map[uint64]bool)
	for i := range n {
		if first[i].GetRepeat() || !again[i].GetRepeat() || first[i].GetPosition() != again[i].GetPosition() || seen[first[i].GetPosition()] {
			t.Errorf("answer %d is %v, then %v", i, first[i], again[i])
		}
		seen[first[i].GetPosition()] = true
		ban, err := e.bans.CheckIP(t.Context(), &ringcastv1.CheckIPRequest{Ip: requests[i].GetBans()[bans-1].GetIp()})
		if err != nil || ban.GetBan().GetPosition() != first[i].GetPosition() {
			t.Errorf("the last of request %d is %v, %v; want position %d", i, ban, err, first[i].GetPosition())
		}
	}
}

// TestImportRefusesSingleBans wants nothing of their request to be written, and
// the stream to go on.
func TestImportRefusesSingleBans(t *testing.T) {
	t.Parallel()
	e := start(t)
	e.allow("10.0.0.0/8", nil)
	answers, err := e.importAll(
		&importRequest{RequestId: "a", Bans: []*entry{
			{Ip: "10.0.0.1/8"}, {Ip: "192.0.2.1"}, {Ip: "::1", Reason: "<"}, {Ip: "::2", Ttl: durationpb.New(0)}, {Ip: strings.Repeat("1", 65)}, {Ip: "64:ff9b::/96"},
		}},
		&importRequest{RequestId: "b", Bans: []*entry{{Ip: "192.0.2.1"}, {Ip: "10.1.2.3"}, {Ip: "192.0.2.1"}}},
		&importRequest{RequestId: "c", Bans: []*entry{{Ip: "10.1.2.3"}}, Override: true},
		&importRequest{Bans: []*entry{{Ip: "10.1.2.3", Automatic: true}}, Override: true},
	)
	if err != nil || len(answers) != 4 {
		t.Fatalf("%v, %v", answers, err)
	}
	for i, want := range []string{
		"[0 INVALID_IP 2 INVALID_REASON 3 INVALID_TTL 4 INVALID_IP 5 INVALID_IP]", "[1 ADDRESS_ALLOWED 2 REPEATED_IP]", "[]", "[0 ADDRESS_ALLOWED]",
	} {
		got := []string{}
		for _, r := range answers[i].GetRefused() {
			got = append(got, fmt.Sprint(r.GetIndex(), " ", r.GetReason()))
			if r.GetMessage() == "" {
				t.Errorf("%v has no message", r)
			}
		}
		if fmt.Sprint(got) != want || (len(got) > 0) != (answers[i].GetPosition() == 0) {
			t.Errorf("answer %d is %v, want %s", i, answers[i], want)
		}
	}
	if e.head() != 2 {
		t.Errorf("head is %d, want only the allow entry and the override", e.head())
	}
}

// TestImportEnds holds which errors end the stream, after the answers before them.
func TestImportEnds(t *testing.T) {
	t.Parallel()
	good := &importRequest{RequestId: "good", Bans: []*entry{{Ip: "192.0.2.1"}}}
	for name, row := range map[string]struct {
		request *importRequest
		code    codes.Code
		reason  string
	}{
		"empty":     {&importRequest{}, codes.InvalidArgument, "WRONG_NUMBER_OF_BANS"},
		"too many":  {importOf(0, eventlog.MaxUnit+1), codes.InvalidArgument, "WRONG_NUMBER_OF_BANS"},
		"too large": {&importRequest{Bans: []*entry{{Ip: "::1", Reason: strings.Repeat("a", 1<<20)}}}, codes.InvalidArgument, "REQUEST_TOO_LARGE"},
		"id":        {&importRequest{RequestId: "ä", Bans: []*entry{{Ip: "::1"}}}, codes.InvalidArgument, "INVALID_REQUEST_ID"},
		"reused id": {&importRequest{RequestId: "good", Bans: []*entry{{Ip: "::1"}}}, codes.AlreadyExists, "REQUEST_ID_REUSED"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			e := start(t)
			if _, err := e.importAll(good); err != nil {
				t.Fatal(err)
			}
			answers, err := e.importAll(good, row.request)
			if status.Code(err) != row.code || reasonOf(err) != row.reason || len(answers) != 1 || e.head() != 1 {
				t.Errorf("%d answers, %v; head %d", len(answers), err, e.head())
			}
		})
	}
}

func TestImportOnABrokenLog(t *testing.T) {
	t.Parallel()
	e := start(t)
	e.log.failWith(errors.New("a secret is on fire"))
	_, err := e.importAll(&importRequest{Bans: []*entry{{Ip: "::1"}}})
	if status.Code(err) != codes.Unavailable || reasonOf(err) != "LOG_UNAVAILABLE" || strings.Contains(err.Error(), "secret") {
		t.Errorf("%v", err)
	}
	if !strings.Contains(e.logs.String(), "a secret is on fire") {
		t.Errorf("the log says: %s", e.logs)
	}
}

// beginImport gives a stream that has had an answer and waits for more.
func (e *env) beginImport(ctx context.Context) grpc.BidiStreamingClient[importRequest, importAnswer] {
	e.t.Helper()
	stream, err := e.bans.ImportBans(ctx)
	if err != nil {
		e.t.Fatal(err)
	}
	if err := stream.Send(importOf(0, 1)); err != nil {
		e.t.Fatal(err)
	}
	if _, err := stream.Recv(); err != nil {
		e.t.Fatal(err)
	}
	return stream
}

// TestImportEndsWithItsCaller wants the server to be done with a caller that has
// gone: the end of the test waits for its goroutines.
func TestImportEndsWithItsCaller(t *testing.T) {
	t.Parallel()
	e := start(t)
	ctx, cancel := context.WithCancel(t.Context())
	stream := e.beginImport(ctx)
	cancel()
	if _, err := stream.Recv(); status.Code(err) != codes.Canceled {
		t.Errorf("%v", err)
	}
}

// TestImportEndsAtAShutdown wants an import that waits for more not to hold up the
// server's end, and its caller to be told to come back.
func TestImportEndsAtAShutdown(t *testing.T) {
	t.Parallel()
	e := start(t)
	server, err := api.New(api.Config{}, e.deps())
	if err != nil {
		t.Fatal(err)
	}
	stop := e.serve(server)
	stream := e.beginImport(t.Context())
	began := time.Now()
	if err := stop(); err != nil {
		t.Fatal(err)
	}
	if _, err := stream.Recv(); status.Code(err) != codes.Unavailable || reasonOf(err) != "LOG_UNAVAILABLE" {
		t.Errorf("%v", err)
	}
	if took := time.Since(began); took >= 5*time.Second {
		t.Errorf("the server ended after %v", took)
	}
}
