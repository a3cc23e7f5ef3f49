package cache

import (
	"slices"
	"testing"

	"pgregory.net/rapid"
)

// TestGracesAreBoundedAndNeverLate has one selector purged softly by a clock that
// may go back.
func TestGracesAreBoundedAndNeverLate(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		times := rapid.SliceOfN(rapid.Int64Range(-5, 50), 1, 4*maxGraces).Draw(t, "steps")
		times[0] += 1000
		for i := range times[1:] {
			times[i+1] += times[i]
		}
		var fn fence
		for i, at := range times {
			fn = fn.join(fence{soft: graces{{uint64(i + 1), at}}})
		}
		if len(fn.soft) > maxGraces {
			t.Fatalf("%d are kept", len(fn.soft))
		}
		want, began, earliest := int64(0), len(times), slices.Min(times)
		if at := fn.soft.since(uint64(began)); at != 0 {
			t.Fatalf("a fetch after all is stale since %d", at)
		}
		for began--; began >= 0; began-- {
			want = least(want, times[began])
			got := fn.soft.since(uint64(began))
			if got > want || got < earliest || got != want && len(times) <= maxGraces {
				t.Fatalf("fetched at generation %d: stale since %d, want %d", began, got, want)
			}
		}
	})
}

// TestGracesLoseWhatLiesClose: a burst of purges takes nothing from the grace of
// what was fetched since an earlier one.
func TestGracesLoseWhatLiesClose(t *testing.T) {
	t.Parallel()
	const long = 1_000_000
	times := []int64{1, long, 2 * long}
	for i := range int64(10 * maxGraces) {
		times = append(times, 3*long+i)
	}
	var g graces
	for i, at := range times {
		g = g.with(graces{{uint64(i + 1), at}})
	}
	for began, want := range times {
		if got := g.since(uint64(began)); got > want || got < want-10*maxGraces {
			t.Errorf("fetched at generation %d: stale since %d, want about %d", began, got, want)
		}
	}
}

// TestHardFenceEndsGraces: what was fetched before one is gone, so that they say
// nothing any more.
func TestHardFenceEndsGraces(t *testing.T) {
	t.Parallel()
	fn := fence{soft: graces{{1, 10}, {2, 20}}}.join(fence{hard: 3}).join(fence{soft: graces{{4, 40}}})
	if len(fn.soft) != 1 || fn.soft.since(3) != 40 || fn.hard != 3 {
		t.Errorf("got %+v", fn)
	}
}
