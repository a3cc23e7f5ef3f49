package stream

import (
	"context"
	"slices"

	"github.com/ringcast/ringcast/controlplane"
	"github.com/ringcast/ringcast/controlplane/eventlog"
	"github.com/ringcast/ringcast/controlplane/ring"
	"github.com/ringcast/ringcast/internal/wire"
)

// replayPage is how many events of the log are read at once. It bounds the
// memory of a replay, whatever its length, together with eventlog.PageBytes.
const replayPage = 1000

// resume sends everything after the cursor. It reads the log until the ring
// reaches back to the cursor.
func (s *session) resume(ctx context.Context) error {
	for {
		moved, ok, err := s.takeFromRing()
		if err != nil {
			return err
		}
		if ok && !moved {
			return s.synced()
		}
		if ok {
			continue
		}
		page, err := s.server.log.Read(ctx, s.position, replayPage)
		if err != nil {
			return err
		}
		if page.Head.Horizon > s.position {
			return s.reset(ctx, "position is before the horizon")
		}
		if err := s.resumePage(page); err != nil {
			return err
		}
	}
}

// resumePage sends a page of the log. Moment events that are gone are announced
// before anything that follows them.
func (s *session) resumePage(page eventlog.Page) error {
	if page.Head.MomentHorizon > s.position && page.Head.MomentHorizon > s.gapped {
		s.gap(s.position, page.Head.MomentHorizon)
	}
	for _, unit := range page.Units {
		if err := s.send(s.heard(unit)); err != nil {
			return err
		}
	}
	s.position = page.Next
	if s.beatInReplay() {
		s.settle() // where a filter lets little pass, a cut must not mean to begin anew
	}
	if s.server.leaving() {
		return s.goodbye()
	}
	return s.out.flushFull()
}

// reset sends the whole live state. It holds state events alone; moment events
// that were appended meanwhile are announced as a gap.
//
// The state is read in pages while writers go on. Whatever an event read later
// supersedes comes again with its successor, absences included: those that are
// older than the replay have nothing left to supersede and are left out.
func (s *session) reset(ctx context.Context, reason string) error {
	for {
		s.server.metrics.resets.Inc()
		s.out.buf = wire.AppendReset(s.out.buf, wire.Reset{Reason: reason})
		s.position, s.gapped, s.hasTold = 0, 0, false
		complete, err := s.sendState(ctx)
		if err != nil {
			return err
		}
		if complete {
			return s.synced()
		}
		reason = "the horizon passed the replay"
	}
}

// sendState sends the live state up to the head. It is not complete where the
// horizon has passed the cursor on the way: an absence may be missing then.
func (s *session) sendState(ctx context.Context) (complete bool, err error) {
	var began eventlog.Head
	lost := false
	for first := true; ; first = false {
		page, err := s.server.log.Read(ctx, s.position, replayPage)
		if err != nil {
			return false, err
		}
		if first {
			began = page.Head
		}
		if page.Head.Horizon > began.Horizon && page.Head.Horizon > s.position {
			return false, nil
		}
		lost = lost || page.Head.MomentHorizon > s.head
		for _, unit := range page.Units {
			unit = s.heard(unit)
			lost = lost || (unit.Position > s.head && hasMoments(unit, s.sub.audience))
			if err := s.send(s.stateOf(unit, began.Position)); err != nil {
				return false, err
			}
		}
		s.position = page.Next
		s.beatInReplay()
		if err := s.out.flushFull(); err != nil {
			return false, err
		}
		if page.Next == page.Head.Position {
			break
		}
		if s.server.leaving() {
			return false, s.goodbye()
		}
	}
	if lost {
		s.gap(s.head, s.position)
	}
	return true, nil
}

// stateOf leaves of a unit what belongs to a reset: live state events, and
// absences that are younger than the replay.
func (s *session) stateOf(unit controlplane.Unit, began uint64) controlplane.Unit {
	now := s.server.cfg.Now()
	dropped := func(e controlplane.Event) bool {
		return e.Moment() || (!e.Live(now) && e.Position <= began)
	}
	if slices.ContainsFunc(unit.Events, dropped) {
		unit.Events = slices.DeleteFunc(slices.Clone(unit.Events), dropped)
	}
	return unit
}

// heard leaves of a unit what the reader's filter lets pass.
func (s *session) heard(unit controlplane.Unit) controlplane.Unit {
	if s.sub.filter == nil {
		return unit
	}
	return s.sub.filter.Pick(unit)
}

func hasMoments(unit controlplane.Unit, audience controlplane.Audience) bool {
	for _, e := range unit.Events {
		if e.Moment() && e.Audience&audience != 0 {
			return true
		}
	}
	return false
}

// send collects a unit's frames.
func (s *session) send(unit controlplane.Unit) error {
	buf, ok, err := ring.AppendUnit(s.out.buf, s.epoch(), unit, s.sub.audience)
	if err != nil {
		return err
	}
	s.out.buf = buf
	s.position = unit.Position
	if ok {
		s.told, s.hasTold = unit.Position, true
	}
	return s.out.flushFull()
}

// gap announces that moment events in a range are gone.
func (s *session) gap(from, to uint64) {
	s.gapped = to
	s.out.buf = wire.AppendGap(s.out.buf, wire.Gap{From: from, To: to})
}
