package follow

import (
	"errors"
	"fmt"
	"testing"

	"github.com/ringcast/ringcast/internal/wire"
)

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
