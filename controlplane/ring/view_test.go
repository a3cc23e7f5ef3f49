package ring_test

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"pgregory.net/rapid"

	"github.com/ringcast/ringcast/controlplane"
	"github.com/ringcast/ringcast/controlplane/ring"
)

// every picks the events whose position is a multiple, and marks those of twice the
// multiple. It counts the units that it sees.
type every struct {
	multiple uint64
	picks    *atomic.Int64
}

func (f every) Key() string { return fmt.Sprint(f.multiple) }

func (f every) Pick(unit controlplane.Unit) controlplane.Unit {
	f.picks.Add(1)
	var events []controlplane.Event
	for _, e := range unit.Events {
		if e.Position%f.multiple != 0 {
			continue
		}
		if e.Position%(2*f.multiple) == 0 {
			e.Data = []byte(strings.Repeat("m", 300))
		}
		events = append(events, e)
	}
	if len(events) != len(unit.Events) || slices.ContainsFunc(events, func(e controlplane.Event) bool { return len(e.Data) == 300 }) {
		unit.Events = events
	}
	return unit
}

func newEvery(multiple uint64) every { return every{multiple, new(atomic.Int64)} }

// naiveView is what a reader of a filter gets after a position.
func naiveView(units []controlplane.Unit, f every, after uint64) (frames []string) {
	for _, unit := range units {
		if unit.Position > after {
			if text := naiveFrames(f.Pick(unit), ring.Filtered); text != "" {
				frames = append(frames, text)
			}
		}
	}
	return frames
}

// readView follows a view from a position to the head; ok is false where the ring
// does not reach back.
func readView(t tb, v *ring.View, after, head uint64, maxBytes int) (frames []string, ok bool) {
	for {
		b, ok, err := v.Read(nil, after, maxBytes)
		if err != nil {
			t.Fatalf("read after %d: %v", after, err)
		}
		if !ok {
			return frames, false
		}
		for _, frame := range b.Frames {
			frames = append(frames, string(frame))
		}
		if len(b.Frames) > 0 && (b.Told > b.Next || b.Told <= after) {
			t.Fatalf("after %d: told %d, next %d", after, b.Told, b.Next)
		}
		if b.Next == after {
			if after < head {
				t.Fatalf("stopped at %d before the head at %d", after, head)
			}
			return frames, true
		}
		after = b.Next
	}
}

type tb interface{ Fatalf(string, ...any) }

// TestViewsAgainstModel appends anything; after each time some of the views, which
// come and go, read from any positions.
func TestViewsAgainstModel(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		r := ring.New(epoch, 0, rapid.SampledFrom([]int{1, 3, 100}).Draw(t, "units"), 0)
		views := map[*ring.View]every{}
		var units []controlplane.Unit
		for range rapid.IntRange(1, 12).Draw(t, "steps") {
			head := r.Head()
			switch step := rapid.IntRange(0, 3).Draw(t, "step"); {
			case step == 0:
				unit := anyUnit(t, head)
				units = append(units, unit)
				if err := r.Append([]controlplane.Unit{unit}); err != nil {
					t.Fatal(err)
				}
			case step == 1 || len(views) == 0:
				f := newEvery(rapid.Uint64Range(1, 3).Draw(t, "multiple"))
				views[r.View(f)] = f
			case step == 2:
				for v, f := range views {
					after := rapid.Uint64Range(0, head+2).Draw(t, "after")
					got, ok := readView(t, v, after, head, rapid.SampledFrom([]int{1, 400, 1 << 20}).Draw(t, "bytes"))
					_, inRing := r.Read(nil, after, controlplane.Edges, 1)
					if want := naiveView(units, f, after); ok != inRing || (ok && !slices.Equal(got, want)) {
						t.Fatalf("every %d after %d: %t, %q, want %t, %q", f.multiple, after, ok, got, inRing, want)
					}
				}
			default:
				for v := range views {
					v.Close()
					v.Close()
					delete(views, v)
					break
				}
			}
		}
	})
}

func fillUnits(t testing.TB, r *ring.Ring, n int) {
	t.Helper()
	for range n {
		if err := r.Append([]controlplane.Unit{single(r.Head() + 1)}); err != nil {
			t.Fatal(err)
		}
	}
}

// TestViewsShareTheWork has many readers of one filter, from the beginning and from
// the head, while a writer goes on: each unit is picked from once.
func TestViewsShareTheWork(t *testing.T) {
	t.Parallel()
	const before, after, readers = 3000, 500, 50
	r, f := ring.New(epoch, 0, 0, 0), newEvery(2)
	fillUnits(t, r, before)
	var all sync.WaitGroup
	views := make([]*ring.View, readers)
	for i := range views {
		views[i] = r.View(f)
		all.Go(func() {
			position, frames := uint64(before*(i%2)), 0
			want := (before + after - int(position)) / 2
			for frames < want {
				changed := r.Changed()
				b, ok, err := views[i].Read(nil, position, 4000)
				if err != nil || !ok {
					t.Errorf("reader %d at %d: %t, %v", i, position, ok, err)
					return
				}
				frames += len(b.Frames)
				if b.Next == position {
					<-changed
				}
				position = b.Next
			}
		})
	}
	fillUnits(t, r, after)
	all.Wait()
	if got := f.picks.Load(); got != before+after {
		t.Errorf("%d units were picked from %d times by %d readers", before+after, got, readers)
	}
	for _, v := range views {
		v.Close()
	}
	last := r.View(f)
	defer last.Close()
	if frames, _ := readView(t, last, 0, r.Head(), 1<<20); len(frames) != (before+after)/2 || f.picks.Load() != 2*(before+after) {
		t.Errorf("after the last was closed %d frames, %d picks: what they shared is still there", len(frames), f.picks.Load())
	}
}

// TestViewsAreBounded: beyond the bounds in filters and in bytes readers get the
// same.
func TestViewsAreBounded(t *testing.T) {
	t.Parallel()
	const units = 20_000
	r := ring.New(epoch, 0, units, 0)
	fillUnits(t, r, units)
	for multiple := uint64(1); multiple <= 129; multiple++ {
		f := newEvery(multiple)
		v := r.View(f)
		defer v.Close()
		shares, looked := multiple == 16 || multiple == 128, multiple == 1 || multiple == 129
		if !shares && !looked {
			continue
		}
		for range 2 {
			got, ok := readView(t, v, 0, r.Head(), 64<<10)
			if !ok || len(got) != units/int(multiple) {
				t.Fatalf("every %d: %d units, %t", multiple, len(got), ok)
			}
		}
		if picks := f.picks.Load(); shares != (picks == units) {
			t.Errorf("every %d: %d picks for two readings", multiple, picks)
		}
	}
}

// TestViewsAfterTheRingHasTurned: readers who were idle until nothing of what they
// shared is left share again.
func TestViewsAfterTheRingHasTurned(t *testing.T) {
	t.Parallel()
	r, f := ring.New(epoch, 0, 10, 0), newEvery(2)
	views := []*ring.View{r.View(f), r.View(f)}
	fillUnits(t, r, 5)
	for _, v := range views {
		defer v.Close()
		readView(t, v, 0, r.Head(), 1<<20)
	}
	fillUnits(t, r, 100)
	f.picks.Store(0)
	for _, v := range views {
		if got, ok := readView(t, v, 95, r.Head(), 1<<20); !ok || len(got) != 5 {
			t.Errorf("%d frames, %t", len(got), ok)
		}
	}
	if picks := f.picks.Load(); picks != 10 {
		t.Errorf("10 units were picked from %d times", picks)
	}
}
