package preload_test

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/ringcast/ringcast/edgeproxy/preload"
	"github.com/ringcast/ringcast/internal/wire"
)

// What the package promises, restated.
const (
	concurrency = 4
	maxDelay    = time.Second
	maxQueued   = 8192
)

// fetches notes what is asked for, and answers each after a time.
type fetches struct {
	took   time.Duration
	answer func(route string) []preload.Result

	mu        sync.Mutex // guards what follows
	routes    []string
	times     []time.Time
	now, most int
}

func (f *fetches) fetch(ctx context.Context, route string) []preload.Result {
	f.mu.Lock()
	f.routes, f.times = append(f.routes, route), append(f.times, time.Now())
	f.now++
	f.most = max(f.most, f.now)
	f.mu.Unlock()
	timer := time.NewTimer(f.took)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
	f.mu.Lock()
	f.now--
	f.mu.Unlock()
	if f.answer == nil {
		return []preload.Result{preload.Stored}
	}
	return f.answer(route)
}

// run runs a loader until stop, in a bubble.
func run(f *fetches) (l *preload.Loader, stop func()) {
	l = preload.New(f.fetch, slog.New(slog.DiscardHandler))
	return l, start(l)
}

func start(l *preload.Loader) (stop func()) {
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error)
	go func() { done <- l.Run(ctx) }()
	return func() {
		cancel()
		if err := <-done; err != nil {
			panic(err)
		}
	}
}

// hint tells the loader of a unit, as the state does.
func hint(t *testing.T, l *preload.Loader, hints ...[]string) {
	t.Helper()
	var events []any
	for _, routes := range hints {
		events = append(events, &wire.IPBanned{IP: "::1"}, &wire.PreloadHinted{Routes: routes})
	}
	publish, err := l.Apply(t.Context(), nil, events)
	if err != nil || publish == nil {
		t.Fatalf("apply: %v", err)
	}
	publish()
}

func numbered(n int) []string {
	routes := make([]string, n)
	for i := range routes {
		routes[i] = fmt.Sprint("/", i)
	}
	return routes
}

// A hint waits for a time of its own, and its routes together.
func TestHintsAreSpread(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var waits []time.Duration
		for range 20 {
			f := new(fetches)
			l, stop := run(f)
			began := time.Now()
			hint(t, l, numbered(concurrency))
			time.Sleep(maxDelay)
			stop()
			if len(f.times) != concurrency || f.times[0] != f.times[concurrency-1] {
				t.Fatalf("within %s: %v", maxDelay, f.times)
			}
			waits = append(waits, f.times[0].Sub(began))
		}
		slices.Sort(waits)
		if len(slices.Compact(slices.Clone(waits))) < 15 || waits[19]-waits[0] < maxDelay/4 {
			t.Errorf("20 hints waited for %v", waits)
		}
	})
}

func TestOrderAndConcurrency(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := &fetches{took: time.Minute}
		l, stop := run(f)
		routes := numbered(10 * concurrency)
		hint(t, l, routes[:7], routes[7:9])
		hint(t, l, routes[9:])
		time.Sleep(10*time.Minute + 2*maxDelay)
		stop()
		if f.most != concurrency {
			t.Errorf("%d at once, want %d", f.most, concurrency)
		}
		for i := 0; i < len(f.routes); i += concurrency { // those of one moment come in any order
			slices.Sort(f.routes[i : i+concurrency])
			slices.Sort(routes[i : i+concurrency])
		}
		if diff := cmp.Diff(routes, f.routes); diff != "" {
			t.Errorf("hints are followed in their order (-want +got):\n%s", diff)
		}
		if got := l.Count(preload.Stored); got != int64(len(routes)) {
			t.Errorf("%d are counted", got)
		}
	})
}

// A response has a count of its own; a route that stands for none is dropped.
func TestCounts(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := &fetches{answer: func(route string) []preload.Result {
			return map[string][]preload.Result{
				"/all":  preload.Results(),
				"/two":  {preload.Stored, preload.Failed},
				"/none": nil,
			}[route]
		}}
		l, stop := run(f)
		defer stop()
		hint(t, l, []string{"/all", "/two", "/none"})
		time.Sleep(maxDelay)
		synctest.Wait()
		got := map[string]int64{"dropped": l.Dropped()}
		for _, r := range preload.Results() {
			got[r.String()] = l.Count(r)
		}
		if diff := cmp.Diff(map[string]int64{"stored": 2, "present": 1, "useless": 1, "failed": 2, "dropped": 1}, got); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
	})
}

// What does not fit is dropped, and events never wait.
func TestQueueIsBounded(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := &fetches{took: time.Hour}
		l, stop := run(f)
		hint(t, l, numbered(concurrency))
		time.Sleep(maxDelay) // those are under way
		synctest.Wait()
		hint(t, l, numbered(maxQueued-1))
		hint(t, l, []string{"/last", "/too-many", "/too-many"})
		if got := l.Dropped(); got != 2 {
			t.Errorf("%d dropped, want 2", got)
		}
		time.Sleep(time.Hour * (maxQueued/concurrency + 2))
		stop()
		if slices.Contains(f.routes, "/too-many") || !slices.Contains(f.routes, "/last") || len(f.routes) != concurrency+maxQueued {
			t.Errorf("%d were fetched", len(f.routes))
		}
	})
}

// The end of the context ends the fetches and the waiting, and counts nothing that
// it cut short.
func TestEnd(t *testing.T) {
	t.Parallel()
	for name, after := range map[string]time.Duration{"fetching": 2 * maxDelay, "waiting": 0} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				f := &fetches{took: time.Hour, answer: func(string) []preload.Result { return []preload.Result{preload.Failed} }}
				l, stop := run(f)
				hint(t, l, numbered(3*concurrency))
				time.Sleep(after)
				synctest.Wait()
				began := time.Now()
				stop()
				if took := time.Since(began); took != 0 {
					t.Errorf("it took %s", took)
				}
				if want := min(concurrency, int(after)); len(f.routes) != want || l.Count(preload.Failed) != 0 || l.Dropped() != 0 {
					t.Errorf("fetched %v; %d failed, %d dropped", f.routes, l.Count(preload.Failed), l.Dropped())
				}
			})
		})
	}
}

// Hints that come before Run are followed; other events, a reset and a gap have
// none.
func TestPart(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := new(fetches)
		l := preload.New(f.fetch, slog.New(slog.DiscardHandler))
		if publish, err := l.Apply(t.Context(), nil, []any{&wire.IPBanned{}, &wire.CacheInvalidated{All: true}}); publish != nil || err != nil {
			t.Errorf("other events: %v", err)
		}
		if err := l.Aside(t.Context(), nil, []any{&wire.PreloadHinted{Routes: []string{"/aside"}}}); err != nil {
			t.Error(err)
		}
		for _, step := range []func() (func(), error){
			func() (func(), error) { return nil, l.Load(t.Context(), nil) },
			func() (func(), error) { return l.Gap(t.Context(), nil) },
			func() (func(), error) { return l.Switch(t.Context(), nil) },
			func() (func(), error) { return nil, l.Abandon(t.Context(), nil) },
		} {
			if publish, err := step(); publish != nil || err != nil {
				t.Errorf("something to do: %v", err)
			}
		}
		if _, err := l.Apply(t.Context(), nil, []any{&wire.PreloadHinted{Routes: []string{"/rolled-back"}}}); err != nil {
			t.Error(err)
		}
		hint(t, l, []string{"/early"})
		time.Sleep(maxDelay)
		stop := start(l)
		synctest.Wait()
		stop()
		if diff := cmp.Diff([]string{"/early"}, f.routes); diff != "" {
			t.Errorf("fetched (-want +got):\n%s", diff)
		}
	})
}

// A loader that stops keeps nothing for the next one.
func TestRestartForgets(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := &fetches{took: time.Hour}
		l, stop := run(f)
		hint(t, l, numbered(100))
		time.Sleep(2 * maxDelay)
		stop()
		again := new(fetches)
		next, stop := run(again)
		if err := next.Load(t.Context(), nil); err != nil {
			t.Error(err)
		}
		time.Sleep(time.Hour)
		stop()
		if len(again.routes) != 0 || next.Dropped() != 0 {
			t.Errorf("after a restart %v is fetched", again.routes)
		}
	})
}
