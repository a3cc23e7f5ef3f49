package api_test

import (
	"net/http"
	"strconv"
	"testing"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	ringcastv1 "github.com/ringcast/ringcast/gen/ringcast/v1"
)

// TestPreload hints over both transports; what is logged is one moment event each.
func TestPreload(t *testing.T) {
	t.Parallel()
	e := start(t)
	first, err := e.cache.Preload(t.Context(), &ringcastv1.PreloadRequest{Routes: []string{"/a", "https://h/b?c", "/a"}})
	if err != nil || first.GetPosition() != 1 || first.GetEpoch() == "" {
		t.Fatalf("gRPC: %v, %v", first, err)
	}
	for i, path := range []string{"/v1/cache:preload", "/preload"} {
		got := e.rest("POST", path, `{"routes":["/a","https://h/b?c","/a"]}`)
		if got.status != http.StatusOK || got.json["position"] != strconv.Itoa(i+2) || got.json["epoch"] != first.GetEpoch() {
			t.Errorf("POST %s: %d %s", path, got.status, got.text)
		}
	}
	page, err := e.log.Read(t.Context(), 0, 10)
	if err != nil || len(page.Units) != 3 {
		t.Fatalf("the log has %d units: %v", len(page.Units), err)
	}
	for _, unit := range page.Units {
		event := unit.Events[0]
		if len(unit.Events) != 1 || event.Type != "preload_hinted" || !event.Moment() {
			t.Errorf("logged %+v", unit)
		}
	}
	if got := e.log.last(); got.RPC != "/ringcast.v1.CacheService/Preload" || got.Detail != `{"routes":["/a","https://h/b?c","/a"]}` {
		t.Errorf("recorded %+v", got)
	}
}

func TestPreloadRepeatedByItsID(t *testing.T) {
	t.Parallel()
	e := start(t)
	first, err := e.cache.Preload(t.Context(), &ringcastv1.PreloadRequest{Routes: []string{"/a"}, RequestId: "x"})
	if err != nil {
		t.Fatal(err)
	}
	again := e.rest("POST", "/preload", `{"routes":["/a"],"requestId":"x"}`)
	if again.status != http.StatusOK || again.json["position"] != strconv.FormatUint(first.GetPosition(), 10) || e.head() != 1 {
		t.Errorf("the repeat: %d %s, head %d", again.status, again.text, e.head())
	}
	_, err = e.cache.Preload(t.Context(), &ringcastv1.PreloadRequest{Routes: []string{"/b"}, RequestId: "x"})
	if status.Code(err) != codes.AlreadyExists || reasonOf(err) != "REQUEST_ID_REUSED" || e.head() != 1 {
		t.Errorf("other routes: %v, head %d", err, e.head())
	}
}
