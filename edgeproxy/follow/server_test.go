package follow

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"sync"
	"testing"

	"github.com/ringcast/ringcast/internal/wire"
)

// script is a server that answers each connection with the next of its parts,
// and holds the last one open until the test ends.
type script struct {
	*httptest.Server
	mu      sync.Mutex
	parts   []string
	cursors []string
	queries []url.Values
	held    chan struct{} // closed once the last part was sent
}

func newScript(t *testing.T, parts ...string) *script {
	s := &script{parts: parts, held: make(chan struct{})}
	ended := make(chan struct{})
	s.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		part, last := s.next(r)
		w.Header().Set("Content-Type", "text/event-stream; charset=utf-8")
		_, _ = w.Write([]byte(part))
		_ = http.NewResponseController(w).Flush()
		if last {
			close(s.held)
			select {
			case <-ended:
			case <-r.Context().Done():
			}
		}
	}))
	t.Cleanup(func() {
		close(ended)
		s.Close()
	})
	return s
}

func (s *script) next(r *http.Request) (part string, last bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.cursors = append(s.cursors, r.Header.Get(wire.LastEventIDHeader))
	s.queries = append(s.queries, r.URL.Query())
	if len(s.parts) == 0 {
		return "", false
	}
	part, s.parts = s.parts[0], s.parts[1:]
	return part, len(s.parts) == 0
}

func connected(epoch string) string {
	return `event: connected` + "\n" + `data: {"client_id":"c","epoch":"` + epoch + `","head":"9","heartbeat_seconds":15,"timestamp":1}` + "\n\n"
}

func banned(id, ip string) string {
	frame := ""
	if id != "" {
		frame = "id: " + id + "\n"
	}
	return frame + "event: ip_banned\ndata: {\"ip\":\"" + ip + "\",\"reason\":\"\",\"automatic\":false,\"timestamp\":1}\n\n"
}

func synced(position int) string {
	return fmt.Sprintf("event: synced\ndata: {\"position\":\"%d\"}\n\n", position)
}

const reset = "event: reset\ndata: {\"reason\":\"test\"}\n\n"
