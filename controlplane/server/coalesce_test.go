package server_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/ringcast/ringcast/internal/wire"
)

// TestStopFlushesInvalidations has invalidations wait for others when the server
// stops: they are answered with one event, which readers get before the goodbye. A
// batch waits for nobody.
func TestStopFlushesInvalidations(t *testing.T) {
	t.Parallel()
	cfg := testConfig(t.TempDir())
	cfg.InvalidateWindow = 10 * time.Second
	s := start(t, cfg)
	stream := s.events("")
	stream.until("synced")
	answers := make(chan string)
	for n := range 2 {
		go func() {
			status, body, err := s.request(http.MethodPost, "/invalidate", fmt.Sprintf(`{"tags":["a:%d"]}`, n))
			answers <- fmt.Sprint(status, body, err)
		}()
	}
	eventually(t, func() error {
		_, body, err := s.request(http.MethodGet, "/metrics", "")
		if err == nil && !strings.Contains(body, "\nringcast_invalidate_waiting 2\n") {
			err = fmt.Errorf("/metrics says of two that wait:\n%s", body)
		}
		return err
	})
	if answer := s.post("/v1/batch", `{"mutations":[{"invalidate":{"all":true}}]}`); !strings.Contains(answer, `"position":"1"`) {
		t.Errorf("a batch: %s", answer)
	}
	if err := s.stop(); err != nil {
		t.Error(err)
	}
	for range 2 {
		if answer := <-answers; !strings.HasPrefix(answer, `200{"position":"2"`) {
			t.Error(answer)
		}
	}
	stream.until(wire.TypeCacheInvalidated)
	event := decode[wire.CacheInvalidated](t, stream.until(wire.TypeCacheInvalidated).Data)
	if len(event.Tags) != 2 || event.All {
		t.Errorf("%+v", event)
	}
}
