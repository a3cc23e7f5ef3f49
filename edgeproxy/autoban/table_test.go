package autoban

import (
	"runtime"
	"testing"
	"time"
	"unsafe"
)

func TestRecordIsSmall(t *testing.T) {
	t.Parallel()
	if size := unsafe.Sizeof(record{}); size != 24 {
		t.Errorf("a record takes %d bytes", size)
	}
}

// TestWorth is that of the failures in the window, and falls with time.
func TestWorth(t *testing.T) {
	t.Parallel()
	r := record{state: counting, part: windowParts}
	for part := range uint32(3) {
		r.add(windowParts + part)
	}
	for after, want := range []int{3, 3, 3, 3, 2, 1, 0, 0} {
		if got := r.worth(windowParts+2+uint32(after), 0, 10); got != want {
			t.Errorf("%d parts later: %d, want %d", after, got, want)
		}
	}
}

// TestFloodPushesNobodyOut who has failed more often: strangers that fail once each,
// or that fail as often as they can without standing out.
func TestFloodPushesNobodyOut(t *testing.T) {
	t.Parallel()
	const limit = 5
	for name, each := range map[string]int{"once": 1, "thrice": 3} {
		clock := &clock{}
		c := newCounter(Config{Failures: limit, Window: time.Minute, For: time.Hour}, clock.now, 4)
		for range limit - 1 {
			c.Failure(address(0))
		}
		for stranger := range 10_000 {
			for range each {
				c.Failure(address(1 + stranger))
			}
		}
		if _, due := c.Failure(address(0)); !due {
			t.Errorf("strangers that fail %s each push out a client one failure from its ban", name)
		}
		if n := c.Tracked(); n > 4*setRecords {
			t.Errorf("%d clients in %d places", n, 4*setRecords)
		}
	}
}

// TestRememberedOffender is not pushed out by strangers either, but by clients that
// are worse.
func TestRememberedOffender(t *testing.T) {
	t.Parallel()
	cfg := Config{Failures: 6, Window: time.Minute, For: time.Hour}
	clock := &clock{}
	c := newCounter(cfg, clock.now, 1)
	c.Settle(failUntilBanned(t, c, address(0)), true)
	clock.add(2 * time.Hour)
	flood := func(each int) {
		for stranger := range 100 {
			for range each {
				c.Failure(address(1 + stranger))
			}
		}
	}
	flood(2)
	if ban := failUntilBanned(t, c, address(0)); ban.For != 2*time.Hour {
		t.Errorf("after strangers: a ban for %s", ban.For)
	} else {
		c.Settle(ban, true)
	}
	clock.add(3 * time.Hour)
	for range 4 {
		for stranger := range setRecords {
			c.Failure(address(1000 + stranger))
		}
	}
	for stranger := range setRecords {
		for range 5 {
			c.Failure(address(2000 + stranger))
		}
	}
	if ban := failUntilBanned(t, c, address(0)); ban.For != time.Hour {
		t.Errorf("after worse clients: a ban for %s", ban.For)
	}
}

func TestSweepForgets(t *testing.T) {
	t.Parallel()
	clock := &clock{}
	c := newCounter(usual, clock.now, 512)
	for i := range 1000 {
		c.Failure(address(i))
	}
	c.Settle(failUntilBanned(t, c, address(5000)), true)
	failUntilBanned(t, c, address(5001))
	for _, step := range []struct {
		after time.Duration
		want  int
	}{{0, 1002}, {usual.Window * 5 / 6 / 2, 1002}, {usual.Window, 2}, {usual.For + rememberFor, 1}} {
		clock.add(step.after)
		c.Sweep()
		if got := c.Tracked(); got != step.want {
			t.Errorf("after %s: %d are tracked, want %d", step.after, got, step.want)
		}
	}
}

// TestMillionClients has a million clients fail in turn. All of them are banned, but
// for the few whose set is full.
func TestMillionClients(t *testing.T) {
	const clients, spared = 1_000_000, 10_000
	c := NewCounter(Config{Failures: 2, Window: time.Hour, For: time.Hour}, time.Now)
	bans := 0
	for range 2 {
		for i := range clients {
			if _, due := c.Failure(address(i)); due {
				bans++
			}
		}
	}
	if bans < clients-spared {
		t.Errorf("%d bans", bans)
	}
}

// BenchmarkFailure counts failures of a million clients in turn, and of more than the
// table has room for.
func BenchmarkFailure(b *testing.B) {
	for name, clients := range map[string]int{"1": 1, "1M": 1_000_000, "10M": 10_000_000} {
		b.Run(name, func(b *testing.B) {
			before := heap()
			c := NewCounter(Config{Failures: MaxFailures, Window: time.Hour, For: time.Hour}, time.Now)
			b.ReportAllocs()
			for i := 0; b.Loop(); i++ {
				c.Failure(address(i % clients))
			}
			b.ReportMetric(float64(heap()-before)/1e6, "MB")
			runtime.KeepAlive(c)
		})
	}
}

// BenchmarkFailureParallel has every processor count failures.
func BenchmarkFailureParallel(b *testing.B) {
	c := NewCounter(Config{Failures: MaxFailures, Window: time.Hour, For: time.Hour}, time.Now)
	b.RunParallel(func(pb *testing.PB) {
		for i := 0; pb.Next(); i++ {
			c.Failure(address(i % 1_000_000))
		}
	})
}

// BenchmarkSweep looks through a table with a million clients.
func BenchmarkSweep(b *testing.B) {
	c := NewCounter(Config{Failures: MaxFailures, Window: time.Hour, For: time.Hour}, time.Now)
	for i := range 1_000_000 {
		c.Failure(address(i))
	}
	for b.Loop() {
		c.Sweep()
	}
}

func heap() int64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}
