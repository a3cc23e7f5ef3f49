package coalesce

import (
	"context"
	"fmt"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/ringcast/ringcast/controlplane"
	"github.com/ringcast/ringcast/controlplane/eventlog"
	"github.com/ringcast/ringcast/controlplane/eventlog/sqlite"
)

// benchCallers is how many ask at once.
const benchCallers = 64

// appender is a log, or what stands before it.
type appender func(context.Context, controlplane.Invalidation, eventlog.Request) (eventlog.Receipt, error)

// BenchmarkInvalidations has 64 callers invalidate three tags each, without a pause,
// some of them the same. commits are the log's transactions, each of which waits for
// the disk.
func BenchmarkInvalidations(b *testing.B) {
	for _, window := range []time.Duration{0, 10 * time.Millisecond, 50 * time.Millisecond} {
		b.Run(fmt.Sprint("window=", window), func(b *testing.B) {
			var commits, events atomic.Int64
			log, err := sqlite.Open(b.Context(), sqlite.Config{Dir: b.TempDir(), Committed: func(units []controlplane.Unit) {
				commits.Add(1)
				events.Add(int64(len(units)))
			}})
			if err != nil {
				b.Fatal(err)
			}
			defer log.Close()
			began := cpuTime(b)
			invalidate(b, before(b, log, window))
			per := func(n int64) float64 { return float64(n) / float64(b.N) }
			b.ReportMetric(1000*per(events.Load()), "events/1000calls")
			b.ReportMetric(1000*per(commits.Load()), "commits/1000calls")
			b.ReportMetric(per(int64(cpuTime(b)-began))/1000, "CPU-µs/call")
		})
	}
}

// before is the log itself without a window.
func before(b *testing.B, log eventlog.Log, window time.Duration) appender {
	if window > 0 {
		return start(b, log, window).Append
	}
	return func(ctx context.Context, i controlplane.Invalidation, r eventlog.Request) (eventlog.Receipt, error) {
		_, err := log.Append(ctx, i.Decide, r)
		return eventlog.Receipt{}, err
	}
}

// invalidate makes b.N calls.
func invalidate(b *testing.B, to appender) {
	var calls atomic.Int64
	done := make(chan error)
	b.ResetTimer()
	for range benchCallers {
		go func() {
			for {
				n := calls.Add(1)
				if n > int64(b.N) {
					done <- nil
					return
				}
				i := tags(fmt.Sprint("post:", n), fmt.Sprint("user:", n%100), "list")
				if _, err := to(b.Context(), i, requestFor("deploy", fmt.Sprint(n), i)); err != nil {
					done <- err
					return
				}
			}
		}()
	}
	for range benchCallers {
		if err := <-done; err != nil {
			b.Error(err)
		}
	}
	b.StopTimer()
}

// cpuTime is what the process has used so far.
func cpuTime(b *testing.B) time.Duration {
	var usage syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &usage); err != nil {
		b.Fatal(err)
	}
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
}
