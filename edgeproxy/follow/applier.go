package follow

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/ringcast/ringcast/edgeproxy"
	"github.com/ringcast/ringcast/internal/wire"
)

// batchEvents bounds the events of one transaction: enough to share its cost,
// little enough that nothing else waits long for the file.
const batchEvents = 2000

// applier puts items in force.
type applier struct {
	follower *Follower
	ctx      context.Context

	resetting bool
	synced    bool
	units     []edgeproxy.Unit // not yet in force
	aside     []any            // not yet built aside
	held      int              // events held back, an empty unit counting as one
	age       time.Duration    // of the last heartbeat
	err       error            // why it ended, if not with the stream
}

// run puts items in force until there are no more. A failure ends it with what
// came before in force.
func (a *applier) run(items <-chan item) error {
	defer a.drop()
	for i := range items {
		if a.err = a.take(i, len(items) > 0); a.err != nil {
			return a.err
		}
	}
	// The stream was lost: what has been read completely still counts.
	a.err = a.flush()
	return a.err
}

// drop ends a reset that did not come to its end. The position from before is
// presented again.
func (a *applier) drop() {
	if !a.resetting {
		return
	}
	ctx := context.WithoutCancel(a.ctx)
	if err := a.follower.state.Abandon(ctx); err != nil && a.err == nil {
		a.err = err
	}
}

// take handles one item. Units are held back while more of them wait, up to a
// batch.
func (a *applier) take(i item, more bool) error {
	if i.kind == itemUnit {
		return a.unit(i.unit, more)
	}
	if err := a.flush(); err != nil {
		return err
	}
	switch i.kind {
	case itemReset:
		a.follower.resetting(i.reason)
		a.resetting, a.synced = true, false
		return a.follower.state.BeginReset(a.ctx)
	case itemSynced:
		return a.level(i.at)
	case itemGap:
		return a.follower.state.Gap(a.ctx)
	case itemHeartbeat:
		a.age = i.age
		if a.synced {
			a.follower.vouched(i.age)
		}
		return nil
	default:
		a.alarm(i.err)
		return i.err
	}
}

func (a *applier) unit(unit edgeproxy.Unit, more bool) error {
	a.held += max(len(unit.Events), 1)
	a.follower.countApplied(len(unit.Events))
	if a.resetting {
		a.aside = append(a.aside, unit.Events...)
	} else {
		a.units = append(a.units, unit)
	}
	if more && a.held < batchEvents {
		return nil
	}
	return a.flush()
}

// flush puts what is held back in force, or aside.
func (a *applier) flush() (err error) {
	switch {
	case len(a.aside) > 0:
		err = a.follower.state.Aside(a.ctx, a.aside)
	case len(a.units) > 0:
		err = a.follower.state.Apply(a.ctx, a.units)
	}
	if err != nil {
		a.alarm(err)
		return err
	}
	a.units, a.aside, a.held = a.units[:0], a.aside[:0], 0
	if a.synced && a.age == 0 {
		a.follower.vouched(0) // it came from a log that speaks for itself
	}
	return nil
}

// level ends a replay: the state built aside comes in force.
func (a *applier) level(at wire.Cursor) error {
	if a.resetting {
		if err := a.follower.state.Switch(a.ctx, at.Epoch, at.Position); err != nil {
			return err
		}
		a.resetting = false
	}
	if cursor, ok := a.follower.state.Cursor(); !ok || cursor != at {
		return fmt.Errorf("%w: synced at %s, but the state is at %s", errProtocol, at, cursor)
	}
	a.synced = true
	a.follower.level(at, a.age)
	return nil
}

// alarm raises the alarm for an event that cannot be put in force: the position
// stays before it until somebody acts.
func (a *applier) alarm(err error) {
	if errors.Is(err, wire.ErrUndecodable) {
		a.follower.raise(err)
	}
}
