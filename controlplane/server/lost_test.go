package server

import (
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/ringcast/ringcast/controlplane"
)

// TestRunEndsWhenTheRingLosesAUnit wants a server whose readers would miss a unit
// to end, and to say so.
func TestRunEndsWhenTheRingLosesAUnit(t *testing.T) {
	t.Parallel()
	s, err := New(Config{
		HTTPListen: "localhost:0", GRPCListen: "localhost:0", DataDir: t.TempDir(), Log: logSQLite,
		TombstoneRetention: time.Hour, MomentRetention: time.Hour, AuditRetention: time.Hour, MomentMax: 1,
		RingSize: 1, RingBytes: 1, Heartbeat: time.Hour, MaxSubscribers: 1,
	}, Deps{Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Open(t.Context()); err != nil {
		t.Fatal(err)
	}
	// One is enough to end for; the others must not hold up the writer of the log.
	for range 3 {
		s.publish([]controlplane.Unit{{Position: 0}})
	}
	if err := s.Run(t.Context()); err == nil || !strings.Contains(err.Error(), "would miss a unit") {
		t.Errorf("run: %v", err)
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
}

// TestCompactInterval wants a short retention to mean what it says.
func TestCompactInterval(t *testing.T) {
	t.Parallel()
	for _, row := range []struct{ tombstone, moment, audit, want time.Duration }{
		{time.Hour, time.Hour, time.Hour, time.Minute}, {time.Second, time.Hour, time.Hour, time.Second / 2},
		{time.Hour, 10 * time.Second, time.Hour, 5 * time.Second}, {time.Hour, time.Hour, 4 * time.Second, 2 * time.Second},
	} {
		if got := (Config{TombstoneRetention: row.tombstone, MomentRetention: row.moment, AuditRetention: row.audit}).compactInterval(); got != row.want {
			t.Errorf("%+v: %v", row, got)
		}
	}
}
