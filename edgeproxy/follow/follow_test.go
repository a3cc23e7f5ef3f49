package follow

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/ringcast/ringcast/edgeproxy"
	"github.com/ringcast/ringcast/internal/wire"
)

// fakeState writes down what it is told, and keeps a cursor as a state does.
type fakeState struct {
	mu      sync.Mutex
	calls   []string
	cursor  *wire.Cursor
	vouched time.Time
	refuse  error // what Apply and Aside answer to a ban of 9.9.9.9
}

func (s *fakeState) note(format string, args ...any) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.calls = append(s.calls, fmt.Sprintf(format, args...))
}

func (s *fakeState) Cursor() (wire.Cursor, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.cursor == nil {
		return wire.Cursor{}, false
	}
	return *s.cursor, true
}

func (s *fakeState) Instance() string { return "inst" }

func (s *fakeState) Vouched() time.Time { return s.vouched }

func (s *fakeState) SetVouched(_ context.Context, at time.Time) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.vouched = at
	return nil
}

// Apply is all or nothing.
func (s *fakeState) Apply(_ context.Context, units []edgeproxy.Unit) error {
	for _, u := range units {
		if s.poisoned(u.Events) {
			return s.refuse
		}
	}
	for _, u := range units {
		s.note("apply %d %s", u.Position, names(u.Events))
		s.mu.Lock()
		s.cursor.Position = u.Position
		s.mu.Unlock()
	}
	return nil
}

func (s *fakeState) poisoned(events []any) bool {
	for _, e := range events {
		if b, ok := e.(*wire.IPBanned); ok && b.IP == "9.9.9.9" {
			return s.refuse != nil
		}
	}
	return false
}

func (s *fakeState) Gap(context.Context) error {
	s.note("gap")
	return nil
}

func (s *fakeState) BeginReset(context.Context) error {
	s.note("begin")
	return nil
}

func (s *fakeState) Aside(_ context.Context, events []any) error {
	s.note("aside %s", names(events))
	return nil
}

func (s *fakeState) Switch(_ context.Context, epoch string, position uint64) error {
	s.note("switch %s-%d", epoch, position)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.cursor = &wire.Cursor{Epoch: epoch, Position: position}
	return nil
}

func (s *fakeState) Abandon(context.Context) error {
	s.note("abandon")
	return nil
}

func names(events []any) string {
	var out []string
	for _, e := range events {
		switch e := e.(type) {
		case *wire.IPBanned:
			out = append(out, "+"+e.IP)
		case *wire.IPUnbanned:
			out = append(out, "-"+e.IP)
		default:
			out = append(out, fmt.Sprintf("%T", e))
		}
	}
	return strings.Join(out, ",")
}

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

// run follows the servers until the condition holds.
func run(t *testing.T, state *fakeState, until func(*Follower) bool, servers ...string) *Follower {
	t.Helper()
	cfg := Config{Node: "node", Logger: slog.New(slog.DiscardHandler)}
	for _, s := range servers {
		u, err := url.Parse(s)
		if err != nil {
			t.Fatal(err)
		}
		cfg.Servers = append(cfg.Servers, u)
	}
	f := New(cfg, state)
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- f.Run(ctx) }()
	for deadline := time.Now().Add(20 * time.Second); !until(f); {
		if time.Now().After(deadline) {
			t.Errorf("never came true; state: %q, status: %+v", state.calls, f.Status())
			break
		}
		select {
		case <-t.Context().Done():
			t.Fatal("test ended")
		case <-time.After(time.Millisecond):
		}
	}
	status := f.Status()
	cancel()
	if err := <-done; err != nil {
		t.Error(err)
	}
	f.now = status
	return f
}

func isSynced(f *Follower) bool { return f.Status().Synced }

func at(state *fakeState, want wire.Cursor) func(*Follower) bool {
	return func(f *Follower) bool {
		cursor, ok := state.Cursor()
		return ok && cursor == want && f.Status().Synced
	}
}

func checkCalls(t *testing.T, state *fakeState, want ...string) {
	t.Helper()
	if diff := cmp.Diff(want, state.calls); diff != "" {
		t.Errorf("calls (-want +got):\n%s", diff)
	}
}

// A first read builds the state aside, switches at synced, and goes on.
func TestFirstRead(t *testing.T) {
	t.Parallel()
	s := newScript(t, connected("e1")+": heartbeat 0\n\n"+reset+banned("e1-1", "1.1.1.1")+banned("", "2.2.2.2")+banned("e1-3", "3.3.3.3")+synced(3)+banned("e1-4", "4.4.4.4"))
	state := &fakeState{}
	f := run(t, state, at(state, wire.Cursor{Epoch: "e1", Position: 4}), s.URL)
	if got := strings.Join(state.calls, "; "); !strings.HasPrefix(got, "begin; aside") || !strings.HasSuffix(got, "switch e1-3; apply 4 +4.4.4.4") {
		t.Errorf("calls: %s", got)
	}
	if status := f.Status(); status.Resets != 1 || status.Applied != 4 || status.Server != s.URL || status.Vouched.IsZero() {
		t.Errorf("status: %+v", status)
	}
	if q := s.queries[0]; q.Get("node") != "node" || q.Get("instance") != "inst" {
		t.Errorf("query: %v", q)
	}
}

// A unit cut in the middle is not applied, and the committed cursor is
// presented, not the last id that was read.
func TestCutInsideAUnit(t *testing.T) {
	t.Parallel()
	s := newScript(t,
		connected("e1")+banned("e1-6", "6.6.6.6")+synced(6)+banned("", "7.7.7.7")+"id: e1-8\nevent: ip_banned\ndata: {}\n",
		connected("e1")+banned("", "7.7.7.7")+banned("e1-8", "8.8.8.8")+synced(8))
	state := &fakeState{cursor: &wire.Cursor{Epoch: "e1", Position: 5}}
	run(t, state, at(state, wire.Cursor{Epoch: "e1", Position: 8}), s.URL)
	checkCalls(t, state, "apply 6 +6.6.6.6", "apply 8 +7.7.7.7,+8.8.8.8")
	if diff := cmp.Diff([]string{"e1-5", "e1-6"}, s.cursors); diff != "" {
		t.Errorf("cursors (-want +got):\n%s", diff)
	}
}

// A reset that is cut is abandoned, and the old cursor presented again; a reset
// inside a reset begins anew.
func TestCutReset(t *testing.T) {
	t.Parallel()
	s := newScript(t,
		connected("e2")+reset+banned("e2-1", "1.1.1.1"),
		connected("e2")+reset+banned("e2-1", "1.1.1.1")+reset+banned("e2-2", "2.2.2.2")+synced(2))
	state := &fakeState{cursor: &wire.Cursor{Epoch: "e1", Position: 5}}
	run(t, state, at(state, wire.Cursor{Epoch: "e2", Position: 2}), s.URL)
	checkCalls(t, state, "begin", "aside +1.1.1.1", "abandon", "begin", "aside +1.1.1.1", "begin", "aside +2.2.2.2", "switch e2-2")
	if diff := cmp.Diff([]string{"e1-5", "e1-5"}, s.cursors); diff != "" {
		t.Errorf("cursors (-want +got):\n%s", diff)
	}
}

func TestGapAndUnknownTypes(t *testing.T) {
	t.Parallel()
	s := newScript(t, connected("e1")+"event: gap\ndata: {\"from\":\"1\",\"to\":\"5\"}\n\n"+
		"id: e1-6\nevent: from_the_future\ndata: whatever\n\n"+
		"id: e1-7\nevent: position\ndata: {}\n\n"+synced(7))
	state := &fakeState{cursor: &wire.Cursor{Epoch: "e1", Position: 1}}
	f := run(t, state, isSynced, s.URL)
	checkCalls(t, state, "gap", "apply 6 ", "apply 7 ")
	if status := f.Status(); status.Unknown["from_the_future"] != 1 || status.Applied != 0 || status.Alarm != nil {
		t.Errorf("status: %+v", status)
	}
}

// An event that does not decode stops the position before it, also where only
// the state can tell, and raises the alarm; what came before it counts.
func TestUndecodable(t *testing.T) {
	t.Parallel()
	for name, bad := range map[string]string{
		"JSON":  "id: e1-7\nevent: ip_banned\ndata: {\"ip\":7}\n\n",
		"state": banned("e1-7", "9.9.9.9"),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newScript(t, connected("e1")+banned("e1-6", "6.6.6.6")+synced(6)+bad+banned("e1-8", "8.8.8.8"))
			state := &fakeState{cursor: &wire.Cursor{Epoch: "e1", Position: 5}, refuse: fmt.Errorf("%w: test", wire.ErrUndecodable)}
			f := run(t, state, func(f *Follower) bool { return f.Status().Alarm != nil }, s.URL)
			if !errors.Is(f.Status().Alarm, wire.ErrUndecodable) {
				t.Errorf("alarm: %v", f.Status().Alarm)
			}
			checkCalls(t, state, "apply 6 +6.6.6.6")
		})
	}
}

// The alarm is over once the stream gets level.
func TestAlarmEnds(t *testing.T) {
	t.Parallel()
	s := newScript(t,
		connected("e1")+"id: e1-6\nevent: ip_banned\ndata: {\"ip\":7}\n\n",
		connected("e1")+banned("e1-6", "6.6.6.6")+synced(6))
	state := &fakeState{cursor: &wire.Cursor{Epoch: "e1", Position: 5}}
	raised := false
	f := run(t, state, func(f *Follower) bool {
		status := f.Status()
		raised = raised || status.Alarm != nil
		return raised && status.Synced
	}, s.URL)
	if f.Status().Alarm != nil {
		t.Errorf("alarm: %v", f.Status().Alarm)
	}
}

// A stream that breaks the protocol changes nothing, and the next server is
// tried.
func TestProtocol(t *testing.T) {
	t.Parallel()
	for name, stream := range map[string]string{
		"not connected":        banned("e1-6", "6.6.6.6"),
		"connected twice":      connected("e1") + connected("e1"),
		"another epoch":        connected("e1") + banned("e2-6", "6.6.6.6"),
		"bare id":              connected("e1") + banned("6", "6.6.6.6"),
		"synced elsewhere":     connected("e1") + synced(6),
		"synced inside a unit": connected("e1") + banned("", "6.6.6.6") + synced(5),
		"broken synced":        connected("e1") + "event: synced\ndata: {\"position\":5}\n\n",
		"position without id":  connected("e1") + "event: position\ndata: {}\n\n",
		"endless unit":         connected("e1") + strings.Repeat(banned("", "6.6.6.6"), maxUnitEvents+1),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			bad, good := newScript(t, stream), newScript(t, connected("e1")+banned("e1-7", "7.7.7.7")+synced(7))
			state := &fakeState{cursor: &wire.Cursor{Epoch: "e1", Position: 5}}
			run(t, state, isSynced, bad.URL, good.URL)
			checkCalls(t, state, "apply 7 +7.7.7.7")
		})
	}
}

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

// What comes before an event that cannot be put in force does not wait for it,
// though it would have shared a transaction with it.
func TestGoodBeforeBad(t *testing.T) {
	t.Parallel()
	s := newScript(t, connected("e1")+banned("e1-6", "6.6.6.6")+banned("e1-7", "7.7.7.7")+banned("e1-8", "9.9.9.9")+banned("e1-9", "1.1.1.1")+synced(9))
	state := &fakeState{cursor: &wire.Cursor{Epoch: "e1", Position: 5}, refuse: fmt.Errorf("%w: test", wire.ErrUndecodable)}
	f := run(t, state, func(f *Follower) bool { return f.Status().Alarm != nil }, s.URL)
	checkCalls(t, state, "apply 6 +6.6.6.6", "apply 7 +7.7.7.7")
	if f.Status().Applied != 2 {
		t.Errorf("applied: %d", f.Status().Applied)
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
