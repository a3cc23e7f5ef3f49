package follow

import (
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/ringcast/ringcast/edgeproxy"
	"github.com/ringcast/ringcast/internal/wire"
)

// What is no stream is refused, and the next server is tried.
func TestNoStream(t *testing.T) {
	t.Parallel()
	answer := func(code int, header, value string) string {
		s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set(header, value)
			w.WriteHeader(code)
			_, _ = w.Write([]byte("event: connected\ndata: {}\n\n"))
		}))
		t.Cleanup(s.Close)
		return s.URL
	}
	good := newScript(t, connected("e1")+"id: e1-5\nevent: position\ndata: {}\n\n"+synced(5))
	state := &fakeState{cursor: &wire.Cursor{Epoch: "e1", Position: 4}}
	run(t, state, isSynced,
		"http://127.0.0.1:1", // nobody listens there
		answer(http.StatusServiceUnavailable, "Retry-After", "1"),
		answer(http.StatusOK, "Content-Type", "text/html"),
		answer(http.StatusNoContent, "Content-Type", "text/event-stream"),
		answer(http.StatusFound, "Location", good.URL),
		good.URL)
	checkCalls(t, state, "apply 5 ")
}

// A goodbye is followed at once by the next server.
func TestShutdown(t *testing.T) {
	t.Parallel()
	leaving := newScript(t, connected("e1")+banned("e1-6", "6.6.6.6")+synced(6)+"event: shutdown\ndata: {\"reason\":\"draining\",\"message\":\"\"}\n\n")
	staying := newScript(t, connected("e1")+banned("e1-7", "7.7.7.7")+synced(7))
	state := &fakeState{cursor: &wire.Cursor{Epoch: "e1", Position: 5}}
	run(t, state, at(state, wire.Cursor{Epoch: "e1", Position: 7}), leaving.URL, staying.URL)
	checkCalls(t, state, "apply 6 +6.6.6.6", "apply 7 +7.7.7.7")
}

// A silent stream is given up.
func TestSilence(t *testing.T) {
	t.Parallel()
	quick := strings.Replace(connected("e1"), `"heartbeat_seconds":15`, `"heartbeat_seconds":0.1`, 1)
	silent, alive := newScript(t, quick), newScript(t, connected("e1")+banned("e1-7", "7.7.7.7")+synced(7))
	state := &fakeState{cursor: &wire.Cursor{Epoch: "e1", Position: 5}}
	run(t, state, isSynced, silent.URL, alive.URL)
	checkCalls(t, state, "apply 7 +7.7.7.7")
}

// A heartbeat with an age says how stale the state is.
func TestHeartbeatAge(t *testing.T) {
	t.Parallel()
	s := newScript(t, connected("e1")+": heartbeat 100\n\n"+banned("e1-6", "6.6.6.6")+synced(6))
	state := &fakeState{cursor: &wire.Cursor{Epoch: "e1", Position: 5}}
	f := run(t, state, isSynced, s.URL)
	if age := time.Since(f.Status().Vouched); age < 99*time.Second || age > 130*time.Second {
		t.Errorf("age: %v", age)
	}
}

// The staleness outlives the process.
func TestStalenessIsKept(t *testing.T) {
	t.Parallel()
	before := time.Now().Add(-time.Hour)
	state := &fakeState{cursor: &wire.Cursor{Epoch: "e1", Position: 5}, vouched: before}
	if got := New(Config{}, state).Status(); !got.Vouched.Equal(before) || got.Levelled {
		t.Errorf("status at the start: %+v", got)
	}
	s := newScript(t, connected("e1")+"id: e1-5\nevent: position\ndata: {}\n\n"+synced(5))
	run(t, state, isSynced, s.URL)
	if time.Since(state.Vouched()) > time.Minute {
		t.Errorf("kept: %v", state.Vouched())
	}
}

// The end of a stream is no sign of life of the log, and what waited to be put in
// force tells of the moment in which it came.
func TestEndOfAStreamVouchesForNothing(t *testing.T) {
	t.Parallel()
	state := &fakeState{cursor: &wire.Cursor{Epoch: "e1", Position: 5}}
	a := applier{follower: New(Config{Logger: slog.New(slog.DiscardHandler)}, state), ctx: t.Context()}
	read := time.Now().Add(-time.Minute)
	items := make(chan item, 2)
	items <- item{kind: itemSynced, at: wire.Cursor{Epoch: "e1", Position: 5}, read: read}
	items <- item{kind: itemUnit, unit: edgeproxy.Unit{Position: 6}, read: read.Add(time.Second)}
	close(items)
	if err := a.run(items); err != nil {
		t.Fatal(err)
	}
	if got := a.follower.Status().Vouched; !got.Equal(read.Add(time.Second)) {
		t.Errorf("vouched at %v, want the moment of the last unit, %v", got, read.Add(time.Second))
	}
}
