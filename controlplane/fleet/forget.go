package fleet

import (
	"context"
	"fmt"
	"slices"

	"github.com/ringcast/ringcast/controlplane"
	"github.com/ringcast/ringcast/controlplane/eventlog"
	"github.com/ringcast/ringcast/internal/wire"
)

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
