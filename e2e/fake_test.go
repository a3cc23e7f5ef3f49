package e2e

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"
)

// fakeControl is a control plane that says what a test wants: units, each the
// text of its frames, at the positions 1, 2, …
type fakeControl struct {
	*httptest.Server

	mu      sync.Mutex // guards what follows
	units   []string
	changed chan struct{} // closed and replaced with each change
	cursors []string      // that were presented
	reports []report      // that were made
}

// fakeEpoch is its log's.
const fakeEpoch = "fa4e"

func startFakeControl(t *testing.T) *fakeControl {
	t.Helper()
	f := &fakeControl{changed: make(chan struct{})}
	f.Server = httptest.NewServer(f)
	t.Cleanup(func() {
		f.CloseClientConnections()
		f.Close()
	})
	return f
}

// event is a frame, closed by the id where that is not 0.
func event(id int, eventType, data string) string {
	text := fmt.Sprintf("event: %s\ndata: %s\n\n", eventType, data)
	if id > 0 {
		text = fmt.Sprintf("id: %s-%d\n", fakeEpoch, id) + text
	}
	return text
}

// set puts a unit at a position, over the one that is there.
func (f *fakeControl) set(position int, unit string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for len(f.units) < position {
		f.units = append(f.units, "")
	}
	f.units[position-1] = unit
	close(f.changed)
	f.changed = make(chan struct{})
}

func (f *fakeControl) after(position int) (text string, head int, changed <-chan struct{}) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, unit := range f.units[position:] {
		text += unit
	}
	return text, len(f.units), f.changed
}

func (f *fakeControl) note(cursor string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.cursors = append(f.cursors, cursor)
}

// presented counts how often a cursor was.
func (f *fakeControl) presented(cursor string) (times int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, c := range f.cursors {
		if c == cursor {
			times++
		}
	}
	return times
}

// ServeHTTP implements http.Handler.
func (f *fakeControl) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.Method == http.MethodPost {
		f.hear(w, r)
		return
	}
	cursor := r.Header.Get("Last-Event-ID")
	f.note(cursor)
	w.Header().Set("Content-Type", "text/event-stream")
	say := func(text string) {
		_, _ = fmt.Fprint(w, text) // the edge may have gone
		w.(http.Flusher).Flush()
	}
	position, replay := 0, ""
	if _, err := fmt.Sscanf(cursor, fakeEpoch+"-%d", &position); err != nil {
		replay = event(0, "reset", `{"reason":"test"}`)
	}
	text, head, changed := f.after(position)
	say(event(0, "connected", fmt.Sprintf(`{"client_id":"c","epoch":%q,"head":"%d","heartbeat_seconds":0.5,"timestamp":1}`, fakeEpoch, head)) +
		replay + text + event(0, "synced", fmt.Sprintf(`{"position":"%d"}`, head)))
	beat := time.NewTicker(100 * time.Millisecond)
	defer beat.Stop()
	for {
		select {
		case <-changed:
			text, head, changed = f.after(head)
			say(text)
		case <-beat.C:
			say(": heartbeat 0\n\n")
		case <-r.Context().Done():
			return
		}
	}
}

// TestEventOfUnknownType is passed over and counted, and the position moves on:
// a newer control plane does not stop an older edge.
func TestEventOfUnknownType(t *testing.T) {
	t.Parallel()
	f := startFakeControl(t)
	f.set(1, event(1, "ip_banned", `{"ip":"::1","reason":"abuse","automatic":false,"timestamp":1,"severity":"of a later version"}`))
	e := startEdge(t, startOrigin(t).URL, f.URL)
	e.reaches(1)
	f.set(2, event(2, "sun_flared", `{"strength":"X9"}`))
	f.set(3, event(0, "sun_flared", `not even JSON`)+event(3, "ip_banned", `{"ip":"192.0.2.1","reason":"","automatic":false,"timestamp":1}`))
	status := e.reaches(3)
	if status.UnknownEvents != 2 || status.Bans != 2 || status.Alarm != "" {
		t.Errorf("the edge has %+v, want 2 unknown events and 2 bans", status)
	}
	if metrics := e.metrics(); !strings.Contains(metrics, "\nringcast_edge_events_unknown_total 2\n") ||
		!strings.Contains(metrics, "\nringcast_edge_alarm 0\n") {
		t.Errorf("the metrics are\n%s", metrics)
	}
	e.becomesReady()
	enforces(t, e)
}

// TestEventThatDoesNotDecode stops the position before its unit, of which
// nothing is in force, raises the alarm everywhere, and what is known stays
// enforced. Once it decodes all is well again.
func TestEventThatDoesNotDecode(t *testing.T) {
	t.Parallel()
	f := startFakeControl(t)
	f.set(1, event(1, "ip_banned", `{"ip":"::1","reason":"abuse","automatic":false,"timestamp":1}`))
	e := startEdge(t, startOrigin(t).URL, f.URL)
	e.reaches(1)
	const fellow = `{"ip":"127.0.0.1","reason":"","automatic":false,"timestamp":1}`
	f.set(2, event(0, "ip_banned", fellow)+event(2, "ip_banned", `{"ip":42}`))
	eventually(t, "the alarm is raised, and the position is presented again", func() error {
		if status := e.status(); status.Alarm == "" || f.presented(fakeEpoch+"-1") < 2 {
			return fmt.Errorf("status %+v", status)
		}
		return nil
	})
	if status := e.status(); status.Position != 1 || status.Bans != 1 || !strings.Contains(status.Alarm, "ip_banned") {
		t.Errorf("the edge has %+v, want position 1", status)
	}
	if a := e.ready(); a.code != http.StatusServiceUnavailable || !strings.Contains(a.body, "ip_banned") {
		t.Errorf("readiness: %s", a)
	}
	if metrics := e.metrics(); !strings.Contains(metrics, "\nringcast_edge_alarm 1\n") {
		t.Errorf("the metrics are\n%s", metrics)
	}
	if !strings.Contains(e.log.String(), `"level":"ERROR"`) {
		t.Error("the log has no error")
	}
	enforces(t, e)

	f.set(2, event(0, "ip_banned", fellow)+event(2, "ip_banned", `{"ip":"192.0.2.1","reason":"","automatic":false,"timestamp":1}`))
	if status := e.reaches(2); status.Alarm != "" || status.Bans != 3 {
		t.Errorf("mended, the edge has %+v", status)
	}
	e.becomesReady()
	if a := e.get("/"); a.code != http.StatusForbidden {
		t.Errorf("banned by the mended unit: %s", a)
	}
}
