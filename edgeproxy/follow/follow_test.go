package follow

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/ringcast/ringcast/internal/wire"
)

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

// A stream of another log than the edge presented begins with a reset: positions
// of that log mean nothing to the state at hand. So does that of an edge which
// presented nothing.
func TestAnotherLogBeginsWithAReset(t *testing.T) {
	t.Parallel()
	for name, early := range map[string]string{
		"event":         banned("e2-43", "6.6.6.6"),
		"unknown event": "id: e2-43\nevent: from_the_future\ndata: {}\n\n",
		"position":      "id: e2-43\nevent: position\ndata: {}\n\n",
		"synced":        synced(42),
		"gap":           "event: gap\ndata: {\"from\":\"1\",\"to\":\"43\"}\n\n",
	} {
		for who, cursor := range map[string]*wire.Cursor{"of an old edge": {Epoch: "e1", Position: 42}, "of a new edge": nil} {
			t.Run(name+" "+who, func(t *testing.T) {
				t.Parallel()
				whole := "event: report\ndata: {}\n\n" + reset + banned("e2-44", "4.4.4.4") + synced(44)
				s := newScript(t, connected("e2")+early+whole, connected("e2")+whole)
				state := &fakeState{cursor: cursor}
				run(t, state, isSynced, s.URL)
				checkCalls(t, state, "begin", "aside +4.4.4.4", "switch e2-44")
			})
		}
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
		"broken report":        connected("e1") + "event: report\ndata: {\"position\":-1}\n\n",
		"report of no data":    connected("e1") + "event: report\ndata: now\n\n",
		"report inside a unit": connected("e1") + banned("", "6.6.6.6") + report(5),
		"report too early":     report(5) + connected("e1"),
		"position without id":  connected("e1") + "event: position\ndata: {}\n\n",
		"endless unit":         connected("e1") + strings.Repeat(banned("", "6.6.6.6"), wire.MaxUnitEvents+1),
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
