package wire_test

import (
	"math"
	"testing"
	"time"

	"github.com/ringcast/ringcast/internal/wire"
)

func TestSilence(t *testing.T) {
	t.Parallel()
	for heartbeat, want := range map[float64]time.Duration{
		15:              45 * time.Second,
		0.9:             2700 * time.Millisecond,
		0.1:             2 * time.Second,
		0:               2 * time.Second,
		-15:             2 * time.Second,
		math.MaxFloat64: 24 * time.Hour, // a Duration cannot hold it
	} {
		if got := (wire.Connected{HeartbeatSeconds: heartbeat}).Silence(); got != want {
			t.Errorf("a heartbeat every %g s: %s, want %s", heartbeat, got, want)
		}
	}
}
