package api_test

import (
	"net/http"
	"strconv"
	"strings"
	"testing"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	ringcastv1 "github.com/ringcast/ringcast/gen/ringcast/v1"
)

// TestPublish publishes over both transports; what is logged is one moment event
// each, with its data as it was sent, and the audit has a hash of that.
func TestPublish(t *testing.T) {
	t.Parallel()
	e := start(t)
	events := ringcastv1.NewEventServiceClient(e.conn)
	first, err := events.Publish(t.Context(), &ringcastv1.PublishRequest{Channel: "a", Type: "chat", Data: "one\ntwo\n", RequestId: "x"})
	if err != nil || first.GetPosition() != 1 || first.GetEpoch() == "" {
		t.Fatalf("gRPC: %v, %v", first, err)
	}
	if got := e.log.last(); got.RPC != "/ringcast.v1.EventService/Publish" || strings.Contains(got.Detail, "two") || !strings.Contains(got.Detail, `"data":"sha256:`) {
		t.Errorf("recorded %+v", got)
	}
	got := e.rest("POST", "/v1/events:publish", `{"type":"note"}`)
	if got.status != http.StatusOK || got.json["position"] != "2" || got.json["epoch"] != first.GetEpoch() {
		t.Errorf("REST: %d %s", got.status, got.text)
	}
	again := e.rest("POST", "/v1/events:publish", `{"channel":"a","type":"chat","data":"one\ntwo\n","requestId":"x"}`)
	if again.status != http.StatusOK || again.json["position"] != strconv.FormatUint(first.GetPosition(), 10) || e.head() != 2 {
		t.Errorf("the repeat: %d %s, head %d", again.status, again.text, e.head())
	}
	if _, err := events.Publish(t.Context(), &ringcastv1.PublishRequest{Type: "chat", RequestId: "x"}); reasonOf(err) != "REQUEST_ID_REUSED" {
		t.Errorf("another event: %v", err)
	}
	if _, err := events.Publish(t.Context(), &ringcastv1.PublishRequest{Type: "reset"}); status.Code(err) != codes.InvalidArgument || reasonOf(err) != "RESERVED_TYPE" {
		t.Errorf("a reserved type: %v", err)
	}
	page, err := e.log.Read(t.Context(), 0, 10)
	if err != nil || len(page.Units) != 2 {
		t.Fatalf("the log has %d units: %v", len(page.Units), err)
	}
	for i, want := range []struct{ channel, eventType, data string }{{"a", "chat", "one\ntwo\n"}, {"default", "note", ""}} {
		event := page.Units[i].Events[0]
		if event.Channel != want.channel || event.Type != want.eventType || string(event.Data) != want.data || !event.Moment() {
			t.Errorf("logged %+v, want %v", event, want)
		}
	}
}
