package logtest

import (
	"slices"
	"time"

	"github.com/ringcast/ringcast/controlplane"
	"github.com/ringcast/ringcast/controlplane/eventlog"
)

func latestEvents(t tb, open Opener) {
	s := start(t, open, eventlog.Retention{})
	s.append(unit(present("a"), absent("b", "c"), moment("m")))
	s.append(unit(until(s.clock.Now().Add(time.Minute), "d"), present("b")))
	s.clock.advance(time.Hour)
	s.latest("in the order asked", []string{"d", "nothing", "c", "a", "b"}, 4, 2, 1, 5)
	s.latest("none", nil)
	s.latest("unknown", []string{"nothing", "A", ""})
	got, err := s.log.Latest(t.Context(), "d", "a")
	if err != nil {
		t.Fatalf("Latest: %v", err)
	}
	s.equal("latest events", []controlplane.Event{s.event(4), s.event(1)}, got)
	s.clock.advance(eventlog.TombstoneRetention)
	s.compact()
	s.latest("dropped", []string{"d", "c", "a", "b"}, 1, 5)
}

func (s *subject) latest(what string, entities []string, want ...uint64) {
	s.t.Helper()
	events, err := s.log.Latest(s.t.Context(), entities...)
	if err != nil {
		s.t.Fatalf("Latest: %v", err)
	}
	s.equal("latest events, "+what, want, positions([]controlplane.Unit{{Events: events}}))
}

// list follows pages of a list to its end.
func (s *subject) list(prefix string, limit int) []eventlog.Entry {
	s.t.Helper()
	var all []eventlog.Entry
	for after := ""; ; after = all[len(all)-1].Entity {
		entries, err := s.log.List(s.t.Context(), prefix, after, limit)
		if err != nil {
			s.t.Fatalf("List: %v", err)
		}
		if len(entries) > limit || (len(entries) > 0 && entries[0].Entity <= after) {
			s.t.Fatalf("List(%q, %q, %d): %v", prefix, after, limit, entries)
		}
		if all = append(all, entries...); len(entries) < limit {
			return all
		}
	}
}

// lives checks which entities are live, by lists and by the count.
func (s *subject) lives(prefix string, want ...string) {
	s.t.Helper()
	for limit := 1; limit <= len(want)+1; limit++ {
		s.equal("live entities that begin with "+prefix, want, names(s.list(prefix, limit)))
	}
	count, err := s.log.Count(s.t.Context(), prefix)
	if err != nil {
		s.t.Fatalf("Count: %v", err)
	}
	if count != uint64(len(want)) {
		s.t.Fatalf("Count(%q) = %d, want %d", prefix, count, len(want))
	}
}

func names(entries []eventlog.Entry) []string {
	var list []string
	for _, e := range entries {
		list = append(list, e.Entity)
	}
	return list
}

func lists(t tb, open Opener) {
	s := start(t, open, eventlog.Retention{})
	s.lives("")
	s.append(unit(present("x/c"), present("x/a"), absent("x/d"), moment("m"), present("x/e", "x/b")))
	s.append(unit(until(s.clock.Now().Add(time.Minute), "x/f"), present("x/g"), present("x/d")))
	s.append(unit(absent("x/g", "x/a"), present("x/c")))
	s.lives("x/", "x/b", "x/c", "x/d", "x/e", "x/f")
	s.clock.advance(59 * time.Second)
	s.lives("x/", "x/b", "x/c", "x/d", "x/e", "x/f")
	s.clock.advance(time.Second)
	s.lives("x/", "x/b", "x/c", "x/d", "x/e")
	s.reopen()
	s.lives("x/", "x/b", "x/c", "x/d", "x/e")

	s.equal("entries", []eventlog.Entry{
		{Entity: "x/b", Event: s.event(5)}, {Entity: "x/c", Event: s.event(10)},
		{Entity: "x/d", Event: s.event(8)}, {Entity: "x/e", Event: s.event(5)},
	}, s.list("x/", 10))
	s.append(unit(absent("x/b")))
	s.lives("x/", "x/c", "x/d", "x/e")
}

// prefixes has entities that a pattern, a collation or a careless upper bound
// would confuse.
func prefixes(t tb, open Opener) {
	s := start(t, open, eventlog.Retention{})
	all := []string{"a", "A", "a%", "a%b", "a/", "a/b", "a/é", "a/\U0010ffff", "a0", "aB", "a_", "a_b", "ab", "b", "é"}
	for _, name := range all {
		s.append(unit(present(name)))
	}
	slices.Sort(all)
	s.lives("", all...)
	s.lives("a%", "a%", "a%b")
	s.lives("a_", "a_", "a_b")
	s.lives("a/", "a/", "a/b", "a/é", "a/\U0010ffff")
	s.lives("A", "A")
	s.lives("é", "é")
	s.lives("c")
}
