// Package fleet knows the edges, and what each of them has in force.
//
// That an edge belongs to the fleet is state of a log of its own, the roster: it is as
// durable as a ban, and an edge that is cut off is not forgotten because the control plane
// was restarted. Edges that come and go leave the positions of the other log alone, which
// users see. To forget an edge is a mutation, and an event of that log; the roster
// follows. What an edge has in force is its own word. That is kept in memory, and now and then in a
// file that nothing waits for: after a kill an edge may be known with an older report
// than its last, never with a later one.
package fleet

import (
	"context"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"sort"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/ringcast/ringcast/controlplane"
	"github.com/ringcast/ringcast/controlplane/eventlog"
	"github.com/ringcast/ringcast/internal/wire"
)

// maxEdges bounds the edges known at once, about 1 KB each, so that a stranger who makes
// up names cannot fill the memory.
const maxEdges = 100_000

// Config is what a Fleet may be told.
type Config struct {
	// File keeps the last reports over a restart; "": they are not kept.
	File string
	// ForgetAfter is how long an edge may be out of reach until it is forgotten; 0: for
	// ever.
	ForgetAfter time.Duration
	// Now is the clock; nil: time.Now.
	Now func() time.Time
	// Registerer takes the metrics; nil: none are kept.
	Registerer prometheus.Registerer
	// Logger is told who comes and goes; nil: nobody is.
	Logger *slog.Logger
}

// Fleet is the edges of one log. Its methods may be called concurrently.
type Fleet struct {
	cfg     Config
	log     eventlog.Log
	roster  eventlog.Log
	metrics *metrics

	epoch   string    // set by Load
	started time.Time // set by Load
	saved   *reports  // set by Load; nil: none are kept
	// ended is closed when waits are to end: the control plane stops.
	ended chan struct{}

	mu      sync.Mutex // guards what follows; the log is never called with it
	members map[controlplane.EdgeKey]*member
	ordered []*member // members in order; nil: to be ordered
	// forgotten are the edges given up because nobody heard of them, and when.
	forgotten map[controlplane.EdgeKey]time.Time
	// departed are the last words of edges that left, as long as an earlier one may be
	// under way.
	departed map[controlplane.EdgeKey]departure
	// unsaved are reports that the file lacks, and removed the edges that it has in vain.
	unsaved map[*member]struct{}
	removed []controlplane.EdgeKey
	head    uint64 // of the log
	recent  recent
	waits   map[*wait]struct{}
	asked   asking
}

// New returns the fleet of a log that knows nobody before Load. The roster is another log.
func New(cfg Config, log, roster eventlog.Log) *Fleet {
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	f := &Fleet{
		cfg: cfg, log: log, roster: roster, ended: make(chan struct{}),
		members: map[controlplane.EdgeKey]*member{}, forgotten: map[controlplane.EdgeKey]time.Time{},
		departed: map[controlplane.EdgeKey]departure{},
		unsaved:  map[*member]struct{}{}, waits: map[*wait]struct{}{},
		asked: asking{changed: make(chan struct{})},
	}
	f.metrics = newMetrics(f)
	return f
}

// loadPage is how many edges are read of the log at once.
const loadPage = 1000

// Load learns from the roster who belongs to the fleet, and from the file what they last
// reported. Nothing is to be appended before it has returned.
func (f *Fleet) Load(ctx context.Context) error {
	head, err := f.log.Head(ctx)
	if err != nil {
		return fmt.Errorf("load fleet: %w", err)
	}
	f.epoch, f.started = head.Epoch, f.cfg.Now()
	f.head = head.Position
	f.recent.begin(head.Position)
	for after := ""; ; {
		entries, err := f.roster.List(ctx, controlplane.EdgePrefix, after, loadPage)
		if err != nil {
			return fmt.Errorf("load fleet: %w", err)
		}
		for _, entry := range entries {
			f.learn(entry.Event)
			after = entry.Entity
		}
		if len(entries) < loadPage {
			break
		}
	}
	if err := f.reconcile(ctx, slices.Collect(maps.Keys(f.members))...); err != nil {
		return fmt.Errorf("load fleet: %w", err)
	}
	return f.loadReports(ctx)
}

// Committed takes note of units of the log that have become durable, in their order.
func (f *Fleet) Committed(units []controlplane.Unit) {
	now := f.cfg.Now()
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, unit := range units {
		f.head = unit.Position
		audience := controlplane.Audience(0)
		for _, event := range unit.Events {
			audience |= event.Audience
		}
		if audience&controlplane.Edges != 0 {
			f.recent.add(unit.Position, now)
		}
	}
}

// Enrolled learns from units of the roster that have become durable, in their order.
func (f *Fleet) Enrolled(units []controlplane.Unit) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, unit := range units {
		for _, event := range unit.Events {
			f.learn(event)
		}
	}
}

// learn is called with mu held.
func (f *Fleet) learn(event controlplane.Event) {
	decoded, err := wire.Decode(event.Type, event.Data)
	if err != nil {
		f.cfg.Logger.Error("an event of the fleet makes no sense", "position", event.Position, "error", err)
		return
	}
	switch e := decoded.(type) {
	case *wire.EdgeJoined:
		f.joined(controlplane.EdgeKey{Node: e.NodeID, Instance: e.Instance}, event.Time, wire.Cursor{Epoch: e.Epoch, Position: e.Head})
	case *wire.EdgeLeft:
		f.left(controlplane.EdgeKey{Node: e.NodeID, Instance: e.Instance}, event.Time, e.Reason)
	}
}

func (f *Fleet) joined(key controlplane.EdgeKey, at time.Time, log wire.Cursor) {
	m := f.members[key]
	if m == nil {
		m = f.add(key, at)
	}
	m.joined, m.left, m.joinedAt = true, false, 0
	if log.Epoch == f.epoch {
		m.joinedAt = log.Position
	}
	delete(f.forgotten, key)
}

func (f *Fleet) left(key controlplane.EdgeKey, at time.Time, reason string) {
	if reason == wire.LeftUnheard {
		f.forgotten[key] = at
	} else {
		delete(f.forgotten, key)
	}
	if m := f.members[key]; m != nil {
		f.release(m)
	}
}

// release gives up a member, but one with a stream open not before that has ended: it may
// be that of a new process, of which the word that it is gone was not. It is called with
// mu held.
func (f *Fleet) release(m *member) {
	m.joined, m.left = false, true
	if m.streams == 0 {
		f.drop(m)
	}
}

// drop is called with mu held. Nobody waits any longer for an edge that is gone.
func (f *Fleet) drop(m *member) {
	delete(f.members, m.key)
	f.ordered = nil
	delete(f.unsaved, m)
	f.removed = append(f.removed, m.key)
	for w := range f.waits {
		if w.lose(m) {
			f.settle(w)
		}
	}
}

// inLog refuses a position that the log has not come to.
func (f *Fleet) inLog(ctx context.Context, position uint64) error {
	f.mu.Lock()
	known := position <= f.head
	f.mu.Unlock()
	if known {
		return nil
	}
	head, err := f.log.Head(ctx) // what is durable may not have been told yet
	if err != nil {
		return fmt.Errorf("read head: %w", err)
	}
	if position > head.Position {
		return controlplane.Errorf(controlplane.Invalid, controlplane.ReasonPositionAhead, "position %d is ahead of the log, whose head is %d", position, head.Position)
	}
	return nil
}

// find gives a member, a new one where the edge is not known; nil where there are too
// many. It is called with mu held.
func (f *Fleet) find(key controlplane.EdgeKey) *member {
	if m := f.members[key]; m != nil {
		return m
	}
	if len(f.members) >= maxEdges {
		return nil
	}
	return f.add(key, f.cfg.Now())
}

func (f *Fleet) add(key controlplane.EdgeKey, heard time.Time) *member {
	m := &member{key: key, heard: heard}
	f.members[key], f.ordered = m, nil
	return m
}

// inOrder gives the members, those that follow a key. The list is not to be changed. The
// caller holds mu.
func (f *Fleet) inOrder(after controlplane.EdgeKey) []*member {
	if f.ordered == nil {
		f.ordered = slices.SortedFunc(maps.Values(f.members), byKey)
	}
	first := sort.Search(len(f.ordered), func(i int) bool { return after.Less(f.ordered[i].key) })
	return f.ordered[first:]
}

// interval is the time between reports of an edge that nobody asks.
//
// The caller holds mu.
func (f *Fleet) interval() time.Duration {
	return max(minInterval, time.Duration(len(f.members))*time.Second/reportRate)
}

const (
	// minInterval is the time between reports in a small fleet.
	minInterval = 5 * time.Second
	// reportRate bounds the reports per second that a fleet of any size makes unasked, so
	// that they take less than a tenth of a core. Reports that come one by one cost more
	// than those that are asked for, about a millisecond: most of it is a process that
	// wakes up, and a connection. 10,000 edges report every 200 s.
	reportRate = 50
)

// silence is how long an edge that is to report so often may say nothing until it counts
// as out of reach: two of its reports may be lost, and the third may be late.
func silence(interval time.Duration) time.Duration { return 3*interval + minInterval }
