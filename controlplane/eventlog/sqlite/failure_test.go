package sqlite

import (
	"context"
	"errors"
	"net/netip"
	"testing"

	"github.com/ringcast/ringcast/controlplane"
	"github.com/ringcast/ringcast/controlplane/eventlog"
)

// A read for a decision that fails may have undone the whole transaction. The
// group fails with it, nothing of it is durable or committed to readers, and the
// log goes on.
func TestFailedReadInADecision(t *testing.T) {
	t.Parallel()
	var committed []uint64
	l, err := Open(t.Context(), Config{Dir: t.TempDir(), Committed: func(units []controlplane.Unit) {
		for _, u := range units {
			committed = append(committed, u.Position)
		}
	}})
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	request := eventlog.Request{Principal: controlplane.Anonymous}
	ban := controlplane.Ban{IP: netip.MustParsePrefix("192.0.2.1/32")}.Decide
	broken := errors.New("disk I/O error")
	fails := func(s controlplane.State) ([]controlplane.Event, error) {
		// What SQLite does by itself on some errors.
		if _, err := l.writer.conn.ExecContext(context.Background(), `ROLLBACK`); err != nil {
			t.Error(err)
		}
		s.(view).failed = broken
		return nil, broken
	}
	group := []*job{}
	for _, decide := range []controlplane.Decision{ban, fails, ban} {
		group = append(group, &job{ctx: t.Context(), decide: decide, requests: []eventlog.Request{request}, done: make(chan error, 1)})
	}
	if err := l.submit(t.Context(), &job{ctx: t.Context(), step: func(context.Context) error {
		l.commit(group)
		return nil
	}}); err != nil {
		t.Fatal(err)
	}
	for i, j := range group {
		if err := <-j.done; !errors.Is(err, broken) {
			t.Errorf("append %d: %v", i, err)
		}
	}
	receipts, err := l.Append(t.Context(), ban, request)
	if err != nil || receipts[0].Position != 1 {
		t.Errorf("afterwards: %v, %v", receipts, err)
	}
	if len(committed) != 1 || committed[0] != 1 {
		t.Errorf("committed: %v", committed)
	}
}
