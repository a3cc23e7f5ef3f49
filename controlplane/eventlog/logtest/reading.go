package logtest

import (
	"github.com/ringcast/ringcast/controlplane"
	"github.com/ringcast/ringcast/controlplane/eventlog"
)

// read follows the pages from a position to the head.
func (s *subject) read(after uint64, limit int) []controlplane.Unit {
	s.t.Helper()
	var all []controlplane.Unit
	for {
		page := s.page(after, limit)
		all = append(all, page.Units...)
		if page.Next == page.Head.Position {
			return all
		}
		after = page.Next
	}
}

// page reads one page and checks what holds for every page.
func (s *subject) page(after uint64, limit int) eventlog.Page {
	s.t.Helper()
	page, err := s.log.Read(s.t.Context(), after, limit)
	if err != nil {
		s.t.Fatalf("Read: %v", err)
	}
	events := 0
	last, lastUnit := after, after
	for _, unit := range page.Units {
		if unit.Position <= lastUnit || unit.Position > page.Next || len(unit.Events) == 0 {
			s.t.Fatalf("Read(%d, %d): unit %d of %d events follows %d on a page up to %d", after, limit, unit.Position, len(unit.Events), lastUnit, page.Next)
		}
		for _, e := range unit.Events {
			if e.Position <= last || e.Position > unit.Position {
				s.t.Fatalf("Read(%d, %d): event %d follows %d in unit %d", after, limit, e.Position, last, unit.Position)
			}
			last = e.Position
		}
		events += len(unit.Events)
		lastUnit = unit.Position
	}
	s.checkExtent(page, after, limit, events)
	return page
}

// checkExtent checks that a page is neither too long nor stops early, so that
// whoever follows the pages gets to the head.
func (s *subject) checkExtent(page eventlog.Page, after uint64, limit, events int) {
	s.t.Helper()
	switch ends := page.Next == page.Head.Position; {
	case events >= limit+eventlog.MaxUnit:
		s.t.Fatalf("Read(%d, %d): %d events", after, limit, events)
	case page.Next > page.Head.Position:
		s.t.Fatalf("Read(%d, %d): next is %d, after the head at %d", after, limit, page.Next, page.Head.Position)
	case !ends && (events == 0 || page.Next <= after):
		s.t.Fatalf("Read(%d, %d): %d events, next %d, but the head is at %d", after, limit, events, page.Next, page.Head.Position)
	}
}

// positions lists those of the events of units.
func positions(units []controlplane.Unit) []uint64 {
	var list []uint64
	for _, unit := range units {
		for _, e := range unit.Events {
			list = append(list, e.Position)
		}
	}
	return list
}

// outline is of which positions each unit consists, its own the last.
func outline(units []controlplane.Unit) [][]uint64 {
	list := make([][]uint64, len(units))
	for i, u := range units {
		list[i] = append(positions([]controlplane.Unit{u}), u.Position)
	}
	return list
}
