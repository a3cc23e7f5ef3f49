package logtest

import (
	"maps"

	"github.com/ringcast/ringcast/controlplane"
	"github.com/ringcast/ringcast/controlplane/eventlog"
)

// follower keeps a state from what it reads, by the rules of the stream: below
// the horizon, or when the horizon overtakes it within a replay, it begins again
// from nothing, and its old state holds until the new one is complete.
type follower struct {
	state  map[string]controlplane.Event
	cursor uint64
	resets int

	// replaying is set from a replay's first page to its last.
	replaying bool
	// next is what becomes the state at the end of the replay.
	next map[string]controlplane.Event
	// fromNothing says that next holds nothing that the log could have dropped.
	fromNothing bool
	// horizon is that of the replay's first page.
	horizon uint64
}

func newFollower(state map[string]controlplane.Event, cursor uint64) *follower {
	return &follower{state: state, cursor: cursor}
}

// take applies a page that follows the cursor; level says that the follower then
// is at the head.
func (f *follower) take(page eventlog.Page) (level bool) {
	if !f.replaying {
		f.begin(page.Head)
	}
	if page.Head.Horizon > f.cursor && !(f.fromNothing && page.Head.Horizon == f.horizon) {
		f.reset()
		return false
	}
	for _, u := range page.Units {
		for _, e := range u.Events {
			for _, entity := range e.Entities {
				f.next[entity] = e
			}
		}
	}
	f.cursor = page.Next
	if f.cursor < page.Head.Position {
		return false
	}
	f.state, f.replaying, f.fromNothing = f.next, false, false
	return true
}

func (f *follower) begin(head eventlog.Head) {
	f.replaying, f.horizon = true, head.Horizon
	if !f.fromNothing {
		f.next = maps.Clone(f.state)
	}
}

func (f *follower) reset() {
	f.replaying, f.fromNothing, f.cursor = false, true, 0
	f.next = make(map[string]controlplane.Event)
	f.resets++
}
