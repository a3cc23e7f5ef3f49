package e2e

import (
	"errors"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"
)

// errTorn is what no client may ever get with a clean end.
var errTorn = errors.New("a wrong or torn page")

// TestEdgeKilledWhileItStores: whatever an edge that is killed amid its writes has
// afterwards is whole, and nothing that was purged before.
func TestEdgeKilledWhileItStores(t *testing.T) {
	t.Parallel()
	c := startControl(t)
	l := startLibrary(t)
	e := startEdge(t, l.URL, c.url, "--cache-max-bytes", "20MiB")
	e.reaches(0)
	floor := map[string]int64{} // by group, the last answer that was purged
	found, gone := 0, 0
	for round := range kills / 2 {
		stop := readers(t, e)
		flow(t, l, 300)
		group := groupOf(round % groups)
		floor[group] = l.answers.Load()
		e.reaches(c.invalidate(group))
		flow(t, l, rand.Int64N(100))
		e.kill()
		stop()
		e.start(t)
		for n := range objects {
			switch _, number := e.stored(page(n)); {
			case number == 0:
				gone++
			case number <= floor[groupOf(n)]:
				t.Errorf("round %d: page %d is answer %d, purged were those up to %d", round, n, number, floor[groupOf(n)])
			default:
				found++
			}
		}
		e.reaches(0)
	}
	if found < kills/2*objects/10 || gone == 0 {
		t.Errorf("%d pages were found after the kills, %d were not", found, gone)
	}
}

// readers ask for pages, some of them anew, until they are stopped or the edge
// ends.
func readers(t *testing.T, e *edge) (stop func()) {
	t.Helper()
	var ended atomic.Bool
	var running sync.WaitGroup
	for range 4 {
		running.Go(func() {
			for !ended.Load() {
				err := e.fetch(page(rand.IntN(objects)), "Cache-Control: max-age="+[]string{"0", "9999"}[rand.IntN(2)])
				if errors.Is(err, errTorn) {
					t.Error(err)
				}
				if err != nil {
					return
				}
			}
		})
	}
	return func() {
		ended.Store(true)
		running.Wait()
	}
}

// flow waits for so many more answers of the origin.
func flow(t *testing.T, l *library, more int64) {
	t.Helper()
	goal := l.answers.Load() + more
	eventually(t, "the origin is asked", func() error {
		if l.answers.Load() < goal {
			return errNotYet
		}
		return nil
	})
}
