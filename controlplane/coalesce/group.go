package coalesce

import (
	"context"

	"github.com/ringcast/ringcast/controlplane"
	"github.com/ringcast/ringcast/controlplane/eventlog"
)

// Limits of a group, besides those of an invalidation.
const (
	// maxMembers bounds the requests of one append, and so how long it holds up
	// others.
	maxMembers = 256
	// maxDetail bounds their audit records together, in bytes, for the same reason:
	// a selection that many ask for is one in the event, but not there.
	maxDetail = 1 << 20
)

// group is the invalidations that become one event. The lock of Invalidations guards
// it until it is shut; from then on its goroutine has it for itself.
type group struct {
	members    []*member
	byID       map[requestID]*member
	tags, keys selected
	detail     int
	// full is closed where another group took its place.
	full chan struct{}
	// done is closed once each member has its answer.
	done chan struct{}
}

// member is a request in a group.
type member struct {
	callers      []context.Context // several where a request came again meanwhile
	invalidation controlplane.Invalidation
	request      eventlog.Request

	receipt eventlog.Receipt
	err     error
}

// requestID is one that is not empty.
type requestID struct{ principal, id string }

func newGroup() *group {
	return &group{
		byID: make(map[requestID]*member), tags: newSelected(), keys: newSelected(),
		full: make(chan struct{}), done: make(chan struct{}),
	}
}

// fits reports whether the event may grow by an invalidation. Members count that
// may yet turn out to be repeats, and so does what is named beside all: without a
// repeat that asks for all it matters. A request id of another request is left to
// the log, in another append.
func (g *group) fits(i controlplane.Invalidation, r eventlog.Request) bool {
	if m := g.repeated(r); m != nil {
		return m.request.Digest == r.Digest
	}
	tags, keys := g.tags.with(i.Tags), g.keys.with(i.Keys)
	return len(g.members) < maxMembers &&
		g.detail+len(r.Detail) <= maxDetail &&
		tags.count <= controlplane.MaxSelected && keys.count <= controlplane.MaxSelected &&
		tags.bytes+keys.bytes <= controlplane.MaxSelectionBytes
}

// repeated is the member that has a request's id already.
func (g *group) repeated(r eventlog.Request) *member {
	return g.byID[requestID{r.Principal, r.ID}]
}

// add takes in a request that fits. One that is there already gets the same answer.
func (g *group) add(ctx context.Context, i controlplane.Invalidation, r eventlog.Request) *member {
	if m := g.repeated(r); m != nil {
		m.callers = append(m.callers, ctx)
		return m
	}
	m := &member{callers: []context.Context{ctx}, invalidation: i, request: r}
	g.members = append(g.members, m)
	if r.ID != "" {
		g.byID[requestID{r.Principal, r.ID}] = m
	}
	g.tags.add(i.Tags)
	g.keys.add(i.Keys)
	g.detail += len(r.Detail)
	return m
}

// present are the members of which a caller still waits. The others get nothing
// written, as those who leave an append that has not begun.
func (g *group) present() []*member {
	var present []*member
	for _, m := range g.members {
		if m.err = m.gone(); m.err == nil {
			present = append(present, m)
		}
	}
	return present
}

// gone is why nobody waits for a member any more; nil: somebody does.
func (m *member) gone() (err error) {
	for _, ctx := range m.callers {
		if err = ctx.Err(); err == nil {
			return nil
		}
	}
	return err
}

func union(members []*member) controlplane.Coalesced {
	var all controlplane.Coalesced
	for _, m := range members {
		all = append(all, m.invalidation)
	}
	return all
}

func requests(members []*member) []eventlog.Request {
	var all []eventlog.Request
	for _, m := range members {
		all = append(all, m.request)
	}
	return all
}

// refuse tells the members whose ids were reused, and returns the others.
func refuse(members []*member, reused *eventlog.ReusedError) []*member {
	for _, index := range reused.Requests {
		members[index].err = reused
	}
	var others []*member
	for _, m := range members {
		if m.err == nil {
			others = append(others, m)
		}
	}
	return others
}

// selected is a set of tags or of keys.
type selected struct {
	names map[string]bool
	extent
}

// extent is a set's size.
type extent struct{ count, bytes int }

func newSelected() selected { return selected{names: make(map[string]bool)} }

// with is the extent that the set would have with more names, each of them once in
// the list.
func (s *selected) with(names []string) extent {
	e := s.extent
	for _, name := range names {
		if !s.names[name] {
			e.count++
			e.bytes += len(name)
		}
	}
	return e
}

func (s *selected) add(names []string) {
	s.extent = s.with(names)
	for _, name := range names {
		s.names[name] = true
	}
}
