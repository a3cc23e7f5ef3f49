package e2e

import (
	"fmt"
	"testing"
)

// TestResumeFromEveryPosition: what follows comes in order, nothing is missing
// and nothing comes twice, from the ring as from the log.
func TestResumeFromEveryPosition(t *testing.T) {
	t.Parallel()
	for name, ring := range map[string]string{"ring": "10000", "log": "3"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := startControl(t, "--ring-size", ring)
			all := writeVariety(t, c, 200)
			epoch := c.status().GetEpoch()
			head := all[len(all)-1].position
			for from := range head + 1 {
				cursor := fmt.Sprintf("%s-%d", epoch, from)
				if from%2 == 0 {
					cursor = fmt.Sprint(from) // a bare position is one of this epoch
				}
				frames := poll(t, c.url, cursor)
				follows(t, from, frames, all)
				endsLevel(t, c, frames, head)
			}
		})
	}
}

// written is one event of the log.
type written struct {
	position   uint64
	event      string
	superseded bool
}

// writeVariety writes n mutations of all kinds, some to entities that had one.
func writeVariety(t *testing.T, c *control, n int) []written {
	t.Helper()
	var all []written
	latest := map[string]int{}
	for i := range n {
		m := mutation{id: fmt.Sprint("variety-", i), entity: fmt.Sprintf("10.0.0.%d", i%50), lift: i%7 == 3}
		switch i % 5 {
		case 1:
			m.entity = fmt.Sprint("jti:", i%30)
		case 2:
			all = append(all, written{position: c.invalidate(fmt.Sprint("tag-", i)), event: "cache_invalidated"})
			continue
		}
		position, _, err := rpcSender{c.api}.send(m)
		if err != nil {
			t.Fatal(err)
		}
		if before, ok := latest[m.entity]; ok {
			all[before].superseded = true
		}
		latest[m.entity] = len(all)
		all = append(all, written{position: position, event: m.eventType()})
	}
	return all
}

// follows checks the events after a position. Only superseded ones may be absent.
func follows(t *testing.T, from uint64, frames []frame, all []written) {
	t.Helper()
	got := map[uint64]string{}
	last := from
	for _, f := range events(frames) {
		position := f.position(t)
		if position <= last {
			t.Errorf("resumed at %d: %d comes after %d", from, position, last)
		}
		got[position], last = f.event, position
	}
	for _, w := range all {
		event, came := got[w.position]
		switch {
		case w.position <= from:
		case !came && !w.superseded:
			t.Errorf("resumed at %d: %+v is missing", from, w)
		case came && event != w.event:
			t.Errorf("resumed at %d: %+v comes as %s", from, w, event)
		}
		delete(got, w.position)
	}
	if len(got) > 0 {
		t.Errorf("resumed at %d: %v was never written", from, got)
	}
	for _, f := range frames {
		if f.event == "reset" || f.event == "gap" {
			t.Errorf("resumed at %d: %+v", from, f)
		}
	}
}

// TestEdgesResumeEachFromItsOwn: of edges that went at different positions each
// gets what it missed, and nothing else; one that missed nothing is level at once.
func TestEdgesResumeEachFromItsOwn(t *testing.T) {
	t.Parallel()
	c, origin := startControl(t), startOrigin(t)
	early, late := startEdge(t, origin.URL, c.url), startEdge(t, origin.URL, c.url, "--node-id", "late")
	level := startEdge(t, origin.URL, c.url, "--node-id", "level")
	next := 0
	ban := func(n int) (position uint64) {
		for range n {
			next++
			position = c.ban(fmt.Sprintf("10.0.0.%d", next), "")
		}
		return position
	}
	first := ban(5)
	early.reaches(first)
	early.kill()
	second := ban(7)
	late.reaches(second)
	late.kill()
	head := ban(11)
	level.reaches(head)
	level.kill()
	for _, resumed := range []struct {
		*edge
		from uint64
	}{{early, first}, {late, second}, {level, head}} {
		resumed.start(t)
		sameState(t, c, resumed.edge)
		status := resumed.status()
		if status.Resets != 0 || status.AppliedEvents != head-resumed.from {
			t.Errorf("resumed at %d of %d: %d events and %d resets", resumed.from, head, status.AppliedEvents, status.Resets)
		}
	}
}
