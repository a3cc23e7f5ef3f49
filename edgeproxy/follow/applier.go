package follow

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/ringcast/ringcast/edgeproxy"
	"github.com/ringcast/ringcast/internal/sqlitedb"
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
	events    uint64           // events held back
	read      time.Time        // when the last of what is held back came
	saved     time.Time        // when the staleness was stored last
	age       time.Duration    // of the last heartbeat
	err       error            // why it ended, if not with the stream
}

// run puts items in force until there are no more. A failure ends it with what
// came before in force.
func (a *applier) run(items <-chan item) error {
	defer a.drop()
	for i := range items {
		if err := a.take(i, len(items) > 0); err != nil {
			return a.failed(err)
		}
	}
	// The stream was lost: what has been read completely still counts.
	return a.failed(a.flush())
}

// failed notes why the applier ended. What fails because the stream was given up says
// less than why it was.
func (a *applier) failed(err error) error {
	if a.ctx.Err() == nil {
		a.err = err
	}
	return err
}

// drop is the end of a stream. A reset that did not come to its end is dropped,
// and the position from before is presented again.
func (a *applier) drop() {
	ctx := context.WithoutCancel(a.ctx)
	if a.synced {
		a.save(ctx)
	}
	if !a.resetting {
		return
	}
	if err := a.follower.state.Abandon(ctx); err != nil && a.err == nil {
		a.err = err
	}
}

// take handles one item. Units are held back while more of them wait, up to a
// batch.
func (a *applier) take(i item, more bool) error {
	if i.kind == itemUnit {
		return a.unit(i, more)
	}
	if err := a.flush(); err != nil {
		return err
	}
	err := a.control(i)
	if err != nil {
		a.alarm(err)
	}
	return err
}

func (a *applier) control(i item) error {
	switch i.kind {
	case itemReset:
		a.follower.resetting(i.reason)
		a.resetting, a.synced = true, false
		return a.follower.state.BeginReset(a.ctx)
	case itemSynced:
		return a.level(i.at, i.read)
	case itemGap:
		return a.follower.state.Gap(a.ctx)
	case itemReport:
		a.follower.cfg.Reporter.Asked(i.at)
		return nil
	case itemHeartbeat:
		a.heartbeat(i.age, i.read)
		return nil
	default:
		return i.err
	}
}

func (a *applier) unit(i item, more bool) error {
	unit := i.unit
	a.read = i.read
	a.held += max(len(unit.Events), 1)
	a.events += uint64(len(unit.Events))
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
	if a.held == 0 {
		return nil
	}
	switch {
	case len(a.aside) > 0:
		err = a.follower.state.Aside(a.ctx, a.aside)
	case len(a.units) > 0:
		err = a.apply()
	}
	if err != nil {
		a.alarm(err)
		return err
	}
	a.follower.countApplied(a.events)
	a.units, a.aside, a.held, a.events = a.units[:0], a.aside[:0], 0, 0
	if a.synced && a.age == 0 {
		a.follower.vouched(a.read) // it came from a log that speaks for itself
	}
	return nil
}

// apply puts the units in force together, or one by one where that fails because
// of an event: those before it are not to wait for it.
func (a *applier) apply() error {
	err := a.put(a.units)
	if !errors.Is(err, wire.ErrUndecodable) || len(a.units) == 1 {
		return err
	}
	for i := range a.units {
		if err := a.put(a.units[i : i+1]); err != nil {
			return err
		}
		a.follower.countApplied(uint64(len(a.units[i].Events)))
	}
	return nil
}

func (a *applier) put(units []edgeproxy.Unit) error {
	if err := a.follower.state.Apply(a.ctx, units); err != nil {
		return err
	}
	a.follower.cfg.Reporter.Moved()
	return nil
}

// level ends a replay: the state built aside comes in force.
func (a *applier) level(at wire.Cursor, read time.Time) error {
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
	a.follower.level(at, read.Add(-a.age))
	a.follower.cfg.Reporter.Levelled(at)
	a.save(a.ctx)
	return nil
}

// saveEvery is how often the staleness is stored while nothing happens. After a
// kill the edge says that it is staler than it is, by so much at the most.
const saveEvery = time.Minute

func (a *applier) heartbeat(age time.Duration, read time.Time) {
	a.age = age
	if !a.synced {
		return
	}
	a.follower.vouched(read.Add(-age))
	if time.Since(a.saved) >= saveEvery {
		a.save(a.ctx)
	}
}

// save stores the staleness for the next run of the edge.
func (a *applier) save(ctx context.Context) {
	a.saved = time.Now()
	if err := a.follower.state.SetVouched(ctx, a.follower.Status().Vouched); err != nil && ctx.Err() == nil {
		a.follower.cfg.Logger.Warn("a restart will take this edge for staler than it is", "error", err)
	}
}

// alarm raises the alarm for what stops the position until somebody acts: an
// event that cannot be put in force, or a file that cannot be written.
func (a *applier) alarm(err error) {
	if errors.Is(err, wire.ErrUndecodable) || sqlitedb.IsFull(err) || sqlitedb.IsDamaged(err) {
		a.follower.raise(err)
	}
}
