package state

import (
	"slices"
	"sync"
	"sync/atomic"

	"github.com/ringcast/ringcast/edgeproxy"
	"github.com/ringcast/ringcast/internal/wire"
)

// view lets those who ask several parts, one after the other, see a unit whole: a
// part shows what the unit changes from the commit on, another from its publish on.
type view struct {
	// changes is odd while a unit is committed and published.
	changes atomic.Uint64
	// mu is held for writing while changes is odd, by a caller that holds State.mu,
	// and for reading by those who would otherwise have to look a third time.
	mu sync.RWMutex
}

// Whole calls look, which asks several parts, so that what it learns last is of a
// state that has all of a unit or nothing. It calls look again where a unit came in
// force meanwhile, so look is to do nothing that must not be done twice. Only units
// that one request could see in part count: others hold nobody up.
//
// The second time no such unit comes in force before look returns, so look is not to
// wait for anything.
func (s *State) Whole(look func()) {
	if before := s.view.changes.Load(); before%2 == 0 {
		look()
		if s.view.changes.Load() == before {
			return
		}
	}
	s.view.mu.RLock()
	defer s.view.mu.RUnlock()
	look()
}

// change makes what step does appear at once to those who look through Whole.
func (v *view) change(step func() error) error {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.changes.Add(1)
	defer v.changes.Add(1)
	return step()
}

// plainly makes it appear as it comes.
func plainly(step func() error) error { return step() }

// showing says how units are to appear.
func (s *State) showing(units []edgeproxy.Unit) func(step func() error) error {
	if slices.ContainsFunc(units, divisible) {
		return s.view.change
	}
	return plainly
}

// divisible tells whether a request could see a unit in part. It could not where all
// events are of addresses: a request has one, and asks for it once. Large imports are
// such units.
func divisible(u edgeproxy.Unit) bool {
	return len(u.Events) > 1 && slices.ContainsFunc(u.Events, func(event any) bool {
		switch event.(type) {
		case *wire.IPBanned, *wire.IPUnbanned, *wire.IPAllowed, *wire.IPAllowRemoved:
			return false
		}
		return true
	})
}
