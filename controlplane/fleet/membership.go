package fleet

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/ringcast/ringcast/controlplane"
	"github.com/ringcast/ringcast/controlplane/eventlog"
	"github.com/ringcast/ringcast/internal/wire"
)

// What the roster's audit says of edges that come and go.
const (
	// RPCReport is how an edge reports.
	RPCReport = "/ringcast.v1.FleetService/ReportEdge"
	// rpcStream is how an edge that did not report yet is known.
	rpcStream = "GET " + wire.EventsPath
	// rpcForget and rpcReconcile are the control plane's own doing.
	rpcForget    = "forget-edges-after"
	rpcReconcile = "reconcile"
	// principalSelf is the control plane in the audit.
	principalSelf = "control plane"
)

// Connected notes that an edge has opened a stream. Whoever names its data dir belongs to
// the fleet from then on; others do for as long as the stream is open, unless they
// report. at is the cursor that it goes on from; the zero value: it has nothing.
func (f *Fleet) Connected(ctx context.Context, key controlplane.EdgeKey, at wire.Cursor) *Stream {
	now := f.cfg.Now()
	f.mu.Lock()
	m := f.find(key)
	known := m != nil
	if !known {
		m = &member{key: key} // its stream is served all the same
	}
	if m.streams == 0 {
		m.connected = now
	}
	m.streams++
	m.heard = now
	m.presents(at)
	f.hear(m)
	durable := m.joined
	departed := f.departed[key].sequence > 0
	f.mu.Unlock()
	switch {
	case !known:
		f.cfg.Logger.Error("an edge is not known: there are too many", "edge", key.String(), "limit", maxEdges)
	case !durable && key.Instance != "" && !departed: // else its first report says that it is back
		f.join(ctx, key, rpcStream)
	}
	return &Stream{fleet: f, member: m}
}

// Close notes that the stream has ended.
func (s *Stream) Close() {
	f, m := s.fleet, s.member
	f.mu.Lock()
	defer f.mu.Unlock()
	if m.streams--; m.streams > 0 {
		return
	}
	m.connected, m.lost = time.Time{}, f.cfg.Now()
	switch {
	case f.members[m.key] != m:
	case m.passing():
		f.drop(m)
	case m.reported:
		f.unsaved[m] = struct{}{}
	}
}

// Report takes an edge's word, and tells when the next is due. One that was overtaken by
// a later one is passed over. Errors of its own are of kinds Invalid, of a position that
// the log has not come to, and Unavailable: there are too many edges.
func (f *Fleet) Report(ctx context.Context, key controlplane.EdgeKey, r Report) (after time.Duration, err error) {
	if r.At.Epoch == f.epoch {
		if err := f.inLog(ctx, r.At.Position); err != nil {
			return 0, err
		}
	}
	f.mu.Lock()
	if f.afterLeave(key, r) {
		defer f.mu.Unlock()
		return f.interval(), nil
	}
	m := f.find(key)
	durable := m != nil && m.joined
	f.mu.Unlock()
	if m == nil {
		return 0, controlplane.Errorf(controlplane.Unavailable, controlplane.ReasonTooManyEdges, "%d edges are known, which is the limit; forget those that are gone", maxEdges)
	}
	if !durable {
		f.join(ctx, key, RPCReport)
	}
	return f.accept(key, r), nil
}

func (f *Fleet) accept(key controlplane.EdgeKey, r Report) time.Duration {
	now := f.cfg.Now()
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.afterLeave(key, r) {
		return f.interval()
	}
	m := f.find(key)
	if m == nil {
		return f.interval()
	}
	f.compare(m, r, now)
	if !m.newer(r, now) {
		return f.interval()
	}
	m.pace = f.interval()
	f.observe(m, r, now)
	m.take(r, now)
	f.unsaved[m] = struct{}{}
	f.hear(m)
	return m.pace
}

// compare takes note of a second process that reports as the edge. The caller holds mu.
func (f *Fleet) compare(m *member, r Report, now time.Time) {
	before := m.shared
	if m.compare(r, now); m.shared == before {
		return
	}
	if m.shared {
		f.cfg.Logger.Error("two processes report as one edge: a data directory was copied; give one of them an empty one", "edge", m.key.String())
	}
	f.hear(m)
}

// hear tells the waits what an edge has now. The caller holds mu.
func (f *Fleet) hear(m *member) {
	for w := range f.waits {
		if w.hear(m) {
			f.settle(w)
		}
	}
}

// joinTimeout keeps a log that hangs from keeping edges from what they can be told.
const joinTimeout = 2 * time.Second

// join makes durable that an edge belongs to the fleet. Where that fails it belongs to it
// until a restart, and the next report tries again.
func (f *Fleet) join(ctx context.Context, key controlplane.EdgeKey, rpc string) {
	ctx, cancel := context.WithTimeout(ctx, joinTimeout)
	defer cancel()
	f.mu.Lock()
	join := controlplane.Join{Edge: key, Log: wire.Cursor{Epoch: f.epoch, Position: f.head}}
	f.mu.Unlock()
	_, err := f.roster.Append(ctx, join.Decide, request(ctx, rpc, key))
	if err != nil {
		f.cfg.Logger.Warn("a restart would forget an edge until it reports", "edge", key.String(), "error", err)
		return
	}
	f.cfg.Logger.Info("edge joined", "edge", key.String())
}

// Leave notes that an edge has stopped by itself: nobody waits for it once its streams
// have ended. The word of a process that was replaced meanwhile is passed over.
func (f *Fleet) Leave(ctx context.Context, key controlplane.EdgeKey, r Report) error {
	f.mu.Lock()
	m := f.members[key]
	if m != nil && !m.newer(r, f.cfg.Now()) {
		m = nil
	}
	if m != nil {
		f.departed[key] = departure{r.Start, r.Sequence, f.cfg.Now()}
	}
	if m != nil && !m.joined {
		f.release(m)
	}
	durable := m != nil && m.joined
	f.mu.Unlock()
	if !durable {
		return nil
	}
	leave := controlplane.Leave{Edges: []controlplane.EdgeKey{key}, Reason: wire.LeftStopped}
	if _, err := f.roster.Append(ctx, leave.Decide, request(ctx, RPCReport, key)); err != nil {
		return fmt.Errorf("leave fleet: %w", err)
	}
	f.cfg.Logger.Info("edge left", "edge", key.String())
	return nil
}

// departure is the word of a process that its edge leaves, and when it came.
type departure struct {
	start    time.Time
	sequence uint64
	at       time.Time
}

// afterLeave tells whether a report was made before its process said that the edge leaves,
// and came after that. The caller holds mu.
func (f *Fleet) afterLeave(key controlplane.EdgeKey, r Report) bool {
	last, left := f.departed[key]
	return left && r.Sequence > 0 && r.Start.Equal(last.start) && r.Sequence < last.sequence
}

// dropDepartures forgets last words before which nothing can be under way any more.
func (f *Fleet) dropDepartures() {
	now := f.cfg.Now()
	f.mu.Lock()
	defer f.mu.Unlock()
	maps.DeleteFunc(f.departed, func(_ controlplane.EdgeKey, last departure) bool { return now.Sub(last.at) > lateReport })
}

// named gives the members of a node, or the one with that instance where it is given, in
// order. The caller holds mu.
func (f *Fleet) named(key controlplane.EdgeKey) []*member {
	if key.Instance != "" {
		if m := f.members[key]; m != nil {
			return []*member{m}
		}
		return nil
	}
	members := f.inOrder(key)
	if other := slices.IndexFunc(members, func(m *member) bool { return m.key.Node != key.Node }); other >= 0 {
		members = members[:other]
	}
	if m := f.members[key]; m != nil { // the one without an instance
		members = append([]*member{m}, members...)
	}
	return members
}

// unknown says that an edge is not known, and where it was given up since when. The
// caller holds mu.
func (f *Fleet) unknown(key controlplane.EdgeKey) error {
	for other, at := range f.forgotten {
		if other == key || (key.Instance == "" && other.Node == key.Node) {
			return controlplane.Errorf(controlplane.NotFound, controlplane.ReasonUnknownEdge,
				"the edge %.64q was forgotten at %s: nobody had heard of it", other.String(), at.UTC().Format(time.RFC3339))
		}
	}
	return controlplane.Errorf(controlplane.NotFound, controlplane.ReasonUnknownEdge, "no edge %.64q is known", key.String())
}

func byKey(a, b *member) int {
	if a.key.Less(b.key) {
		return -1
	}
	return 1
}

func request(ctx context.Context, rpc string, keys ...controlplane.EdgeKey) eventlog.Request {
	caller := controlplane.PrincipalFrom(ctx)
	return eventlog.Request{Principal: caller.Name, Address: caller.Address, RPC: rpc, Detail: detail(keys)}
}

// detail is what the audit says of edges.
func detail(keys []controlplane.EdgeKey) string {
	type edge struct {
		NodeID   string `json:"node_id"`
		Instance string `json:"instance,omitempty"`
	}
	var content any
	edges := make([]edge, len(keys))
	for i, key := range keys {
		edges[i] = edge{key.Node, key.Instance}
	}
	if content = edges; len(edges) == 1 {
		content = edges[0]
	}
	text, err := json.Marshal(content)
	if err != nil {
		panic(fmt.Sprintf("fleet: encode %T: %v", content, err))
	}
	return string(text)
}
