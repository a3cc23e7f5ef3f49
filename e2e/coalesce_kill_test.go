package e2e

import (
	"context"
	"encoding/json"
	"testing"

	ringcastv1 "github.com/ringcast/ringcast/gen/ringcast/v1"
)

// invalidator sends each mutation as the invalidation of a tag of its own.
type invalidator struct{ rpcSender }

func (s invalidator) send(m mutation) (uint64, bool, error) {
	return answered(func(ctx context.Context) (receipt, error) {
		return s.caches.Invalidate(ctx, &ringcastv1.InvalidateRequest{Tags: []string{m.id}, RequestId: m.id})
	})
}

// TestKilledWhileCoalescing: with a window, too, each acknowledged invalidation is in
// the log afterwards, once, at the position that was told.
func TestKilledWhileCoalescing(t *testing.T) {
	t.Parallel()
	c := startControl(t, "--invalidate-window", "3ms")
	rpc := openDoor(t, c.rpc)
	var senders []sender
	for range 16 {
		senders = append(senders, invalidator{rpcSender{dial(t, rpc.address())}})
	}
	w := startWriters(t, senders...)
	for range kills / 2 {
		w.flow(betweenKills)
		c.kill()
		c.start(t)
		rpc.to(c.rpc)
	}
	w.flow(betweenKills)
	w.stop()
	at := positionsOfTags(t, c)
	acked := w.acknowledged()
	for _, m := range acked {
		if at[m.id] != m.position {
			t.Errorf("%s was acknowledged at %d and is at %d", m.id, m.position, at[m.id])
		}
	}
	if head := c.status().GetHead(); len(at) != len(acked) || head >= uint64(len(acked)) {
		t.Errorf("%d events of %d tags for %d acknowledged invalidations", head, len(at), len(acked))
	}
}

// positionsOfTags wants each tag in one event alone.
func positionsOfTags(t *testing.T, c *control) map[string]uint64 {
	t.Helper()
	at := map[string]uint64{}
	for _, f := range events(poll(t, c.url, "0")) {
		var event struct{ Tags []string }
		if err := json.Unmarshal([]byte(f.data), &event); err != nil {
			t.Fatal(err)
		}
		for _, tag := range event.Tags {
			if other, again := at[tag]; again {
				t.Errorf("%s is at %d and at %d", tag, other, f.position(t))
			}
			at[tag] = f.position(t)
		}
	}
	return at
}
