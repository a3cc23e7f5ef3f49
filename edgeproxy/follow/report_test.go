package follow

import (
	"context"
	"fmt"
	"log/slog"
	"net/url"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/ringcast/ringcast/internal/wire"
)

// listener writes down what it is told among the calls of a state.
type listener struct{ *fakeState }

func (l listener) Levelled(at wire.Cursor) { l.note("level %s", at) }
func (l listener) Asked(at wire.Cursor)    { l.note("asked %s", at) }
func (l listener) Moved()                  { l.note("moved") }

func report(position int) string {
	return fmt.Sprintf("event: report\ndata: {\"position\":\"%d\"}\n\n", position)
}

// told follows a server until the last of its parts is put in force.
func told(t *testing.T, state *fakeState, until func(*Follower) bool, servers ...string) {
	t.Helper()
	cfg := Config{Node: "node", Logger: slog.New(slog.DiscardHandler), Reporter: listener{state}}
	for _, s := range servers {
		u, err := url.Parse(s)
		if err != nil {
			t.Fatal(err)
		}
		cfg.Servers = append(cfg.Servers, u)
	}
	f := New(cfg, state)
	ctx, cancel := context.WithCancel(t.Context())
	var run sync.WaitGroup
	run.Go(func() { _ = f.Run(ctx) })
	await(t, func() bool { return until(f) })
	cancel()
	run.Wait()
}

// The reporter hears of questions in the order of the stream, after what comes before
// them is in force, and of each time that a later position is.
func TestReporterIsTold(t *testing.T) {
	t.Parallel()
	s := newScript(t, connected("e1")+report(5)+banned("e1-6", "6.6.6.6")+report(7)+synced(6)+
		report(8)+banned("e1-7", "7.7.7.7")+report(7)+banned("e1-8", "8.8.8.8")+"event: gap\ndata: {\"from\":\"1\",\"to\":\"2\"}\n\n")
	state := &fakeState{cursor: &wire.Cursor{Epoch: "e1", Position: 5}}
	told(t, state, func(*Follower) bool { return state.called("gap") }, s.URL)
	checkCalls(t, state,
		"asked e1-5", "apply 6 +6.6.6.6", "moved", "asked e1-7", "level e1-6",
		"asked e1-8", "apply 7 +7.7.7.7", "moved", "asked e1-7", "apply 8 +8.8.8.8", "moved", "gap")
}

// A question before the reset of another log is of that log. What is built aside is not
// in force until the switch.
func TestReporterAndReset(t *testing.T) {
	t.Parallel()
	s := newScript(t, connected("e2")+report(3)+reset+banned("e2-3", "3.3.3.3")+report(3)+synced(3))
	state := &fakeState{cursor: &wire.Cursor{Epoch: "e1", Position: 5}}
	told(t, state, isSynced, s.URL)
	checkCalls(t, state, "asked e2-3", "begin", "aside +3.3.3.3", "asked e2-3", "switch e2-3", "level e2-3")
}

// Each stream that gets level is told of, though nothing is new; one that does not is
// not.
func TestReporterHearsOfEachStream(t *testing.T) {
	t.Parallel()
	state := &fakeState{cursor: &wire.Cursor{Epoch: "e1", Position: 5}}
	first := newScript(t, connected("e1")+synced(5)+"event: shutdown\ndata: {}\n\n")
	second := newScript(t, connected("e1")+"event: shutdown\ndata: {}\n\n")
	third := newScript(t, connected("e1")+synced(5)+banned("e1-6", "6.6.6.6"))
	told(t, state, at(state, wire.Cursor{Epoch: "e1", Position: 6}), first.URL, second.URL, third.URL)
	if diff := cmp.Diff([]string{"level e1-5", "level e1-5", "apply 6 +6.6.6.6", "moved"}, state.calls); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// What comes in force before an event that cannot be is told of.
func TestReporterHearsOfGoodBeforeBad(t *testing.T) {
	t.Parallel()
	s := newScript(t, connected("e1")+banned("e1-6", "6.6.6.6")+banned("e1-7", "9.9.9.9"))
	state := &fakeState{cursor: &wire.Cursor{Epoch: "e1", Position: 5}, refuse: fmt.Errorf("%w: test", wire.ErrUndecodable)}
	told(t, state, func(f *Follower) bool { return f.Status().Alarm != nil }, s.URL)
	checkCalls(t, state, "apply 6 +6.6.6.6", "moved")
}
