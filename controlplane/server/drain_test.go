package server_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/ringcast/ringcast/controlplane"
	"github.com/ringcast/ringcast/internal/sse"
	"github.com/ringcast/ringcast/internal/wire"
)

// TestStopSaysGoodbye wants a reader to get all there is, then the word, then the
// end, and a stop with readers to be a clean one.
func TestStopSaysGoodbye(t *testing.T) {
	t.Parallel()
	s := start(t, testConfig(t.TempDir()))
	stream := s.events("")
	stream.until("synced")
	s.post("/ban/ip", `{"ip":"1.2.3.4"}`)
	if err := s.stop(); err != nil {
		t.Fatal(err)
	}
	stream.until("ip_banned")
	if goodbye := decode[wire.Shutdown](t, stream.until("shutdown").Data); goodbye.Reason == "" || goodbye.Message == "" {
		t.Errorf("%+v", goodbye)
	}
	if event, err := stream.parser.Next(); !errors.Is(err, io.EOF) {
		t.Errorf("after the goodbye: %+v, %v", event, err)
	}
}

// TestReadinessWhileDraining has a reader that does not read hold up the drain:
// meanwhile the server is alive, not ready, takes no more streams, and still
// answers calls.
func TestReadinessWhileDraining(t *testing.T) {
	t.Parallel()
	cfg := testConfig(t.TempDir())
	cfg.RingBytes = 64 << 20
	s := start(t, cfg)
	stuck := s.stuckReader()
	eventually(t, func() error { return s.subscribers(1) })
	s.fillSockets()

	stopped := make(chan error, 1)
	go func() { stopped <- s.stop() }()
	eventually(t, func() error {
		status, body, err := s.request(http.MethodGet, "/readyz", "")
		if err == nil && (status != http.StatusServiceUnavailable || body != "draining\n") {
			err = fmt.Errorf("/readyz: %d %q", status, body)
		}
		return err
	})
	if status, body := s.get("/healthz"); status != http.StatusOK || body != "ok\n" {
		t.Errorf("/healthz: %d %q", status, body)
	}
	if status, body := s.get(wire.EventsPath); status != http.StatusServiceUnavailable {
		t.Errorf("a new stream: %d %s", status, body)
	}
	if status, body := s.get("/v1/bans"); status != http.StatusOK {
		t.Errorf("a call: %d %s", status, body)
	}
	select {
	case err := <-stopped:
		t.Fatalf("the server did not wait for its reader: %v", err)
	default:
	}
	if err := stuck.Close(); err != nil {
		t.Fatal(err)
	}
	if err := <-stopped; err != nil {
		t.Error(err)
	}
}

func (r *running) subscribers(want int) error {
	_, body, err := r.request(http.MethodGet, "/metrics", "")
	if line := fmt.Sprintf("ringcast_stream_subscribers{kind=\"subscriber\"} %d\n", want); err == nil && !strings.Contains(body, line) {
		err = fmt.Errorf("/metrics lacks %s", line)
	}
	return err
}

// fillSockets publishes more than the sockets between the server and a reader
// hold: Linux lets a sender's grow to 4 MiB, and a reader's only if it did not ask
// for less.
func (r *running) fillSockets() {
	const enough = 8 << 20
	data := bytes.Repeat([]byte("x"), sse.MaxData)
	for n := range uint64(enough / sse.MaxData) {
		r.Publish([]controlplane.Unit{{Position: n + 1, Events: []controlplane.Event{
			{Position: n + 1, Type: "filler", Data: data, Audience: controlplane.Everyone},
		}}})
	}
}

// TestLargestInvalidation wants what the API lets in to reach a reader.
func TestLargestInvalidation(t *testing.T) {
	t.Parallel()
	s := start(t, testConfig(t.TempDir()))
	stream := s.events("?last_event_id=latest")
	stream.until("synced")
	var tags []string
	for n := range controlplane.MaxSelectionBytes / controlplane.MaxTagBytes {
		tags = append(tags, fmt.Sprintf(`"%s%06d"`, strings.Repeat("<", controlplane.MaxTagBytes-6), n))
	}
	s.post("/invalidate", `{"tags":[`+strings.Join(tags, ",")+`]}`)
	event := stream.until(wire.TypeCacheInvalidated)
	if got := decode[wire.CacheInvalidated](t, event.Data); len(got.Tags) != len(tags) || len(event.Data) > sse.MaxData {
		t.Errorf("%d of %d tags in %d bytes", len(got.Tags), len(tags), len(event.Data))
	}
}
