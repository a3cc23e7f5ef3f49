package ring_test

import (
	"fmt"
	"reflect"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/ringcast/ringcast/controlplane"
	"github.com/ringcast/ringcast/controlplane/ring"
)

const epoch = "7f3a9c"

// audiences are the kinds of readers that read a ring.
var audiences = []controlplane.Audience{controlplane.Edges, controlplane.Subscribers, controlplane.ControlPlanes}

// naiveFrames writes a unit as the contract has it; "" where nothing of it is for
// the audience.
func naiveFrames(unit controlplane.Unit, audience controlplane.Audience) string {
	var frames strings.Builder
	id := fmt.Sprintf("id: %s-%d\n", epoch, unit.Position)
	last := uint64(0)
	for _, e := range unit.Events {
		if e.Audience&audience == 0 {
			continue
		}
		last = e.Position
		if last == unit.Position {
			frames.WriteString(id)
		}
		fmt.Fprintf(&frames, "event: %s\ndata: %s\n\n", e.Type, e.Data)
	}
	if last > 0 && last < unit.Position {
		frames.WriteString(id + "event: position\ndata: {}\n\n")
	}
	return frames.String()
}

// model keeps every unit and finds by looking at each what a ring does.
type model struct {
	units              []written
	floor, head        uint64
	maxUnits, maxBytes int
}

// written is a unit's position, its frames for each audience, and its size, where
// readers that hear the same share the memory.
type written struct {
	position uint64
	frames   map[controlplane.Audience]string
	size     int
}

func writeNaively(unit controlplane.Unit) written {
	w := written{position: unit.Position, frames: map[controlplane.Audience]string{}}
	for _, e := range unit.Events {
		w.size += 256 + len(e.Data) // with what an event takes besides
	}
	different := map[string]bool{}
	for _, audience := range audiences {
		frames := naiveFrames(unit, audience)
		w.frames[audience] = frames
		heard := ""
		for _, e := range unit.Events {
			heard += fmt.Sprint(e.Audience&audience != 0)
		}
		if !different[heard] {
			different[heard] = true
			w.size += len(frames)
		}
	}
	return w
}

func (m *model) append(units []controlplane.Unit) {
	for _, unit := range units {
		m.units = append(m.units, writeNaively(unit))
		m.head = unit.Position
	}
	for m.over() {
		m.floor = m.units[0].position
		m.units = m.units[1:]
	}
}

func (m *model) over() bool {
	bytes := 0
	for _, unit := range m.units {
		bytes += unit.size
	}
	return len(m.units) > 0 && (len(m.units) > m.maxUnits || bytes > m.maxBytes)
}

// read is what Ring.Read gives, its frames joined.
type read struct {
	Frames     []string
	Told, Next uint64
	OK         bool
}

func (m *model) read(after uint64, audience controlplane.Audience, maxBytes int) read {
	r := read{Next: after, OK: after >= m.floor}
	taken := 0
	for _, unit := range m.units {
		if !r.OK || unit.position <= after || taken >= maxBytes {
			continue
		}
		r.Next = unit.position
		if frames := unit.frames[audience]; frames != "" {
			r.Frames = append(r.Frames, frames)
			r.Told = unit.position
			taken += len(frames)
		}
	}
	return r
}

func readRing(r *ring.Ring, after uint64, audience controlplane.Audience, maxBytes int) read {
	batch, ok := r.Read(nil, after, audience, maxBytes)
	got := read{Told: batch.Told, Next: batch.Next, OK: ok}
	for _, frame := range batch.Frames {
		got.Frames = append(got.Frames, string(frame))
	}
	return got
}

// anyUnit draws a unit that follows a position: events for whomever, some of them
// superseded, the last one possibly.
func anyUnit(t *rapid.T, after uint64) controlplane.Unit {
	unit := controlplane.Unit{Position: after}
	for range rapid.IntRange(1, 4).Draw(t, "events") {
		unit.Position += rapid.Uint64Range(1, 3).Draw(t, "step")
		if rapid.IntRange(0, 3).Draw(t, "superseded") == 0 {
			continue
		}
		unit.Events = append(unit.Events, controlplane.Event{
			Position: unit.Position, Type: "ip_banned", Data: []byte(fmt.Sprintf(`{"n":%d}`, unit.Position)),
			Audience: controlplane.Audience(rapid.IntRange(0, int(controlplane.Everyone)).Draw(t, "audience")),
		})
	}
	return unit
}

// TestAgainstModel appends anything within any bounds, and after each time reads
// from every position for each audience.
func TestAgainstModel(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		m := &model{
			maxUnits: rapid.SampledFrom([]int{1, 2, 5, 100}).Draw(t, "units"),
			maxBytes: rapid.SampledFrom([]int{1, 600, 2000, 1 << 20}).Draw(t, "bytes"),
			head:     rapid.Uint64Range(0, 5).Draw(t, "head"),
		}
		m.floor = m.head
		r := ring.New(epoch, m.head, m.maxUnits, m.maxBytes)
		for range rapid.IntRange(1, 6).Draw(t, "appends") {
			var units []controlplane.Unit
			last := m.head
			for range rapid.IntRange(0, 4).Draw(t, "together") {
				units = append(units, anyUnit(t, last))
				last = units[len(units)-1].Position
			}
			changed := r.Changed()
			if err := r.Append(units); err != nil {
				t.Fatal(err)
			}
			m.append(units)
			compare(t, r, m)
			select {
			case <-changed:
			default:
				t.Fatal("nobody was woken")
			}
		}
	})
}

func compare(t *rapid.T, r *ring.Ring, m *model) {
	t.Helper()
	if r.Head() != m.head || r.Epoch() != epoch {
		t.Fatalf("head %s-%d, want %d", r.Epoch(), r.Head(), m.head)
	}
	for after := range m.head + 3 {
		for _, audience := range audiences {
			for _, maxBytes := range []int{1, 150, 1 << 20} {
				want := m.read(after, audience, maxBytes)
				got := readRing(r, after, audience, maxBytes)
				if !reflect.DeepEqual(got, want) { // cmp takes its time
					t.Fatalf("%d bytes after %d for %b (-want +got):\n%s", maxBytes, after, audience, cmp.Diff(want, got))
				}
			}
		}
	}
}
