package fleet

import (
	"context"
	"time"

	"github.com/ringcast/ringcast/controlplane"
)

// Edge is what is known of an edge at a moment.
type Edge struct {
	controlplane.EdgeKey
	// Report is its last; the zero value: none yet.
	Report
	// Shared tells that two processes report as this edge.
	Shared bool
	// Level tells that it has everything in force that the log has for edges.
	Level bool
	// Behind is for how long the log has had something that it does not have in force; 0
	// where it is level, or not of this log.
	Behind time.Duration
	// Connected is since when it has a stream open; zero: it has none.
	Connected time.Time
	// Heard is when it last reported or connected.
	Heard time.Time
	// UnreachableSince is zero where it can be reached.
	UnreachableSince time.Time
}

// Live tells whether the edge can be reached.
func (e Edge) Live() bool { return e.UnreachableSince.IsZero() }

// Edges gives up to limit edges in order, those that follow another, and whether there
// are more.
func (f *Fleet) Edges(ctx context.Context, after controlplane.EdgeKey, limit int) (edges []Edge, more bool) {
	f.mu.Lock()
	members := f.inOrder(after)
	more = len(members) > limit
	members = members[:min(limit, len(members))]
	for _, m := range members {
		edges = append(edges, f.edge(m))
	}
	f.mu.Unlock()
	for i := range edges {
		f.sinceWhen(ctx, &edges[i])
	}
	return edges, more
}

// Edge gives the edge of a node, or the one with that instance where it is given: of
// several the one that was heard of last, with the instances of the others. The error is
// of kind NotFound.
func (f *Fleet) Edge(ctx context.Context, key controlplane.EdgeKey) (e Edge, others []string, err error) {
	f.mu.Lock()
	var found *member
	for _, m := range f.named(key) {
		if found == nil || m.heard.After(found.heard) {
			found = m
		}
	}
	if found == nil {
		err := f.unknown(key)
		f.mu.Unlock()
		return Edge{}, nil, err
	}
	e = f.edge(found)
	for _, m := range f.named(controlplane.EdgeKey{Node: key.Node}) {
		if m != found {
			others = append(others, m.key.Instance)
		}
	}
	f.mu.Unlock()
	f.sinceWhen(ctx, &e)
	return e, others, nil
}

// Forgotten gives the edges that were given up in the last days because nobody heard of
// them, at most 100, the latest first.
func (f *Fleet) Forgotten() []Forgotten {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.recentlyForgotten(f.cfg.Now())
}

// Count gives how many edges are known, and how many of them are level and can be
// reached.
func (f *Fleet) Count() (known, level int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	now := f.cfg.Now()
	for _, m := range f.members {
		if _, unreachable := m.unreachable(now, f.interval()); !unreachable && f.isLevel(m) {
			level++
		}
	}
	return len(f.members), level
}

// isLevel is called with mu held.
func (f *Fleet) isLevel(m *member) bool {
	return m.reported && !m.shared && m.report.At.Epoch == f.epoch && m.report.At.Position >= f.recent.last
}

// edge is called with mu held. It leaves Behind where the recent units do not tell.
func (f *Fleet) edge(m *member) Edge {
	now := f.cfg.Now()
	e := Edge{EdgeKey: m.key, Report: m.report, Shared: m.shared, Level: f.isLevel(m), Connected: m.connected, Heard: m.heard}
	if !m.reported {
		e.Staleness = -1
	}
	if since, unreachable := m.unreachable(now, f.interval()); unreachable {
		e.UnreachableSince = since
	}
	if at, ok := f.recent.after(e.At.Position); ok && e.At.Epoch == f.epoch {
		e.Behind = now.Sub(at)
	}
	return e
}

// behindPage is how much of the log is read at once to find the first event that an edge
// lacks: most often it is the next.
const behindPage = 100

// sinceWhen asks the log since when an edge is behind, where that was longer ago than the
// recent units tell.
func (f *Fleet) sinceWhen(ctx context.Context, e *Edge) {
	if e.Level || e.Behind > 0 || e.At.Epoch != f.epoch {
		return
	}
	for after, more := e.At.Position, true; more; {
		page, err := f.log.Read(ctx, after, behindPage)
		if err != nil {
			f.cfg.Logger.Warn("it is not known how far an edge is behind", "edge", e.String(), "error", err)
			return
		}
		if since, ok := firstForEdges(page.Units); ok {
			e.Behind = max(f.cfg.Now().Sub(since), 0)
			return
		}
		after, more = page.Next, page.Next < page.Head.Position
	}
}

func firstForEdges(units []controlplane.Unit) (at time.Time, ok bool) {
	for _, unit := range units {
		for _, event := range unit.Events {
			if event.Audience&controlplane.Edges != 0 {
				return event.Time, true
			}
		}
	}
	return time.Time{}, false
}
