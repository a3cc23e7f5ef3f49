package follow

import (
	"context"
	"log/slog"
	"net/url"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/ringcast/ringcast/internal/wire"
)

// run follows the servers until the condition holds.
func run(t *testing.T, state *fakeState, until func(*Follower) bool, servers ...string) *Follower {
	t.Helper()
	cfg := Config{Node: "node", Logger: slog.New(slog.DiscardHandler)}
	for _, s := range servers {
		u, err := url.Parse(s)
		if err != nil {
			t.Fatal(err)
		}
		cfg.Servers = append(cfg.Servers, u)
	}
	f := New(cfg, state)
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- f.Run(ctx) }()
	if !await(t, func() bool { return until(f) }) {
		t.Errorf("state: %q, status: %+v", state.calls, f.Status())
	}
	status := f.Status()
	cancel()
	if err := <-done; err != nil {
		t.Error(err)
	}
	f.now = status
	return f
}

// await waits until the condition holds.
func await(t *testing.T, until func() bool) bool {
	t.Helper()
	for deadline := time.Now().Add(20 * time.Second); !until(); {
		if time.Now().After(deadline) {
			t.Error("never came true")
			return false
		}
		select {
		case <-t.Context().Done():
			t.Fatal("test ended")
		case <-time.After(time.Millisecond):
		}
	}
	return true
}

func isSynced(f *Follower) bool { return f.Status().Synced }

func at(state *fakeState, want wire.Cursor) func(*Follower) bool {
	return func(f *Follower) bool {
		cursor, ok := state.Cursor()
		return ok && cursor == want && f.Status().Synced
	}
}

func checkCalls(t *testing.T, state *fakeState, want ...string) {
	t.Helper()
	if diff := cmp.Diff(want, state.calls); diff != "" {
		t.Errorf("calls (-want +got):\n%s", diff)
	}
}
