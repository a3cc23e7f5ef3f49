package fleet

import (
	"context"
	"encoding/json"
	"errors"
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

// Forget drops the edges of a node that are not connected, or the one with that instance,
// at most eventlog.MaxUnit of them. Errors of its own are of kind NotFound and
// Precondition; others are the log's.
func (f *Fleet) Forget(ctx context.Context, key controlplane.EdgeKey, request eventlog.Request) (eventlog.Receipt, error) {
	receipts, err := f.log.Append(ctx, func(s controlplane.State) ([]controlplane.Event, error) {
		edges, err := f.forgettable(key)
		if err != nil {
			return nil, err
		}
		return controlplane.Leave{Edges: edges, Reason: wire.LeftForgotten}.Decide(s)
	}, request)
	if err != nil {
		return eventlog.Receipt{}, fmt.Errorf("forget edge: %w", err)
	}
	if err := f.reconcile(ctx, f.keys(key)...); err != nil {
		return eventlog.Receipt{}, fmt.Errorf("forget edge: %w", err)
	}
	return receipts[0], nil
}

// reconcile strikes off the roster those of some edges that were forgotten after they had
// joined. A process that ended between the two leaves that to the next, or to the repeat of
// the request.
func (f *Fleet) reconcile(ctx context.Context, edges ...controlplane.EdgeKey) error {
	for some := range slices.Chunk(edges, eventlog.MaxUnit) {
		gone, err := f.forgottenSince(ctx, some)
		if err != nil {
			return err
		}
		if len(gone) == 0 {
			continue
		}
		leave := controlplane.Leave{Edges: gone, Reason: wire.LeftForgotten}
		if _, err := f.roster.Append(ctx, leave.Decide, request(ctx, rpcReconcile, gone...)); err != nil {
			return fmt.Errorf("strike off the roster: %w", err)
		}
	}
	return nil
}

// forgottenSince gives those of some edges that the log says were forgotten after they had
// joined.
func (f *Fleet) forgottenSince(ctx context.Context, edges []controlplane.EdgeKey) (gone []controlplane.EdgeKey, err error) {
	names := make([]string, len(edges))
	for i, edge := range edges {
		names[i] = controlplane.EdgeEntity(edge)
	}
	events, err := f.log.Latest(ctx, names...)
	if err != nil {
		return nil, fmt.Errorf("read who was forgotten: %w", err)
	}
	forgotten := map[string]uint64{}
	for _, event := range events {
		for _, name := range event.Entities {
			forgotten[name] = event.Position
		}
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	for i, edge := range edges {
		if m := f.members[edge]; m != nil && forgotten[names[i]] > m.joinedAt {
			gone = append(gone, edge)
		}
	}
	return gone, nil
}

// keys names the members of a node, or the one with that instance where it is given.
func (f *Fleet) keys(key controlplane.EdgeKey) []controlplane.EdgeKey {
	f.mu.Lock()
	defer f.mu.Unlock()
	var keys []controlplane.EdgeKey
	for _, m := range f.named(key) {
		keys = append(keys, m.key)
	}
	return keys
}

// forgettable gives the edges that Forget is about.
func (f *Fleet) forgettable(key controlplane.EdgeKey) ([]controlplane.EdgeKey, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	var gone []controlplane.EdgeKey
	connected := false
	for _, m := range f.named(key) {
		if m.streams > 0 {
			connected = true
		} else {
			gone = append(gone, m.key)
		}
	}
	switch {
	case len(gone) > 0:
		return gone[:min(len(gone), eventlog.MaxUnit)], nil
	case connected:
		return nil, controlplane.Errorf(controlplane.Precondition, controlplane.ReasonEdgeConnected, "the edge %.64q is connected; stop it, and it leaves by itself", key.Node)
	default:
		return nil, f.unknown(key)
	}
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

// forgetUnheard forgets the edges that have been out of reach for too long. The time in
// which the control plane was not there does not count.
func (f *Fleet) forgetUnheard(ctx context.Context) error {
	for {
		gone := f.unheard()
		if len(gone) == 0 {
			return nil
		}
		r := request(ctx, rpcForget, gone...)
		r.Principal = principalSelf
		leave := controlplane.Leave{Edges: gone, Reason: wire.LeftUnheard}
		if _, err := f.roster.Append(ctx, leave.Decide, r); err != nil {
			return fmt.Errorf("forget edges: %w", err)
		}
		f.cfg.Logger.Warn("edges forgotten: nobody has heard of them", "edges", r.Detail, "for", f.cfg.ForgetAfter)
	}
}

func (f *Fleet) unheard() []controlplane.EdgeKey {
	now := f.cfg.Now()
	f.mu.Lock()
	defer f.mu.Unlock()
	var gone []controlplane.EdgeKey
	for _, m := range f.inOrder(controlplane.EdgeKey{}) {
		since, unreachable := m.unreachable(now, f.interval())
		if since.Before(f.started) {
			since = f.started
		}
		if unreachable && m.streams == 0 && m.joined && now.Sub(since) >= f.cfg.ForgetAfter && len(gone) < eventlog.MaxUnit {
			gone = append(gone, m.key)
		}
	}
	return gone
}

// Run saves reports and forgets edges until ctx is done. It ends the waits then.
func (f *Fleet) Run(ctx context.Context) error {
	tick := time.NewTicker(saveEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			close(f.ended)
			return nil
		case <-tick.C:
			f.tidy(ctx)
		}
	}
}

func (f *Fleet) tidy(ctx context.Context) {
	f.dropDepartures()
	if err := f.save(ctx); err != nil && ctx.Err() == nil {
		f.cfg.Logger.Warn("reports of edges were not saved", "error", err)
	}
	if f.cfg.ForgetAfter == 0 {
		return
	}
	if err := f.forgetUnheard(ctx); err != nil && ctx.Err() == nil {
		f.cfg.Logger.Error("edges that are out of reach were not forgotten", "error", err)
	}
}

// Close saves what is left. It can be called again.
func (f *Fleet) Close() error {
	return errors.Join(f.save(context.Background()), f.saved.close())
}
