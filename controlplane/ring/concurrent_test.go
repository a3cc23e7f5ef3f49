package ring_test

import (
	"bytes"
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/ringcast/ringcast/controlplane"
	"github.com/ringcast/ringcast/controlplane/ring"
)

// patience is how long a reader that nobody wakes is waited for.
const patience = time.Minute

// journal is the log behind a ring: all that was appended.
type journal struct {
	mu    sync.RWMutex // guards units
	units []controlplane.Unit
}

func (j *journal) append(units []controlplane.Unit) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.units = append(j.units, units...)
}

// next is the unit that follows a position; here positions have no gaps.
func (j *journal) next(after uint64) controlplane.Unit {
	j.mu.RLock()
	defer j.mu.RUnlock()
	return j.units[after]
}

// mixed is a unit of one event whose audience follows from its position.
func mixed(position uint64) controlplane.Unit {
	unit := single(position)
	unit.Events[0].Audience = controlplane.Audience(position % 8)
	return unit
}

// TestReadersWhileAppending has readers of each kind follow a writer, in a ring
// that holds all and in one so small that they fall behind it.
func TestReadersWhileAppending(t *testing.T) {
	t.Parallel()
	const last = 3000
	for _, maxUnits := range []int{last, 4} {
		t.Run(fmt.Sprint(maxUnits), func(t *testing.T) {
			t.Parallel()
			ctx, cancel := context.WithTimeout(t.Context(), patience)
			defer cancel()
			r, j := ring.New(epoch, 0, maxUnits, 0), &journal{}
			var readers sync.WaitGroup
			for i := range 9 {
				f := &follower{ring: r, journal: j, audience: audiences[i%3], position: uint64(i / 3 * 7), last: last}
				readers.Go(func() { f.check(t, ctx) })
			}
			write(t, r, j, last)
			readers.Wait()
		})
	}
}

// write appends up to last, a few units at a time.
func write(t *testing.T, r *ring.Ring, j *journal, last uint64) {
	for position := uint64(0); position < last; {
		var units []controlplane.Unit
		for n := position%5 + 1; n > 0 && position < last; n-- {
			position++
			units = append(units, mixed(position))
		}
		j.append(units)
		if err := r.Append(units); err != nil {
			t.Error(err)
			return
		}
	}
}

// follower reads as a subscriber does.
type follower struct {
	ring           *ring.Ring
	journal        *journal
	audience       controlplane.Audience
	position, last uint64
}

// check wants each unit once, in order.
func (f *follower) check(t *testing.T, ctx context.Context) {
	var want []byte
	for p := f.position + 1; p <= f.last; p++ {
		want = append(want, naiveFrames(mixed(p), f.audience)...)
	}
	got, err := f.follow(ctx)
	if err != nil || !bytes.Equal(got, want) {
		t.Errorf("%b at %d: %v, %d bytes of %d are right", f.audience, f.position, err, common(got, want), len(want))
	}
}

func (f *follower) follow(ctx context.Context) (got []byte, err error) {
	for f.position < f.last {
		changed := f.ring.Changed()
		b, ok := f.ring.Read(nil, f.position, f.audience, 500)
		switch {
		case !ok:
			unit := f.journal.next(f.position)
			got = append(got, naiveFrames(unit, f.audience)...)
			f.position = unit.Position
		case b.Next > f.position:
			got = append(got, bytes.Join(b.Frames, nil)...)
			f.position = b.Next
		default:
			select {
			case <-changed:
			case <-ctx.Done():
				return got, fmt.Errorf("at %d, ring at %d: %w", f.position, f.ring.Head(), ctx.Err())
			}
		}
	}
	return got, nil
}

func common(a, b []byte) int {
	n := 0
	for n < len(a) && n < len(b) && a[n] == b[n] {
		n++
	}
	return n
}
