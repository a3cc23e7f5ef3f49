package ring_test

import (
	"fmt"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/ringcast/ringcast/controlplane"
	"github.com/ringcast/ringcast/controlplane/ring"
)

// single is a unit of one event for everyone.
func single(position uint64) controlplane.Unit {
	return controlplane.Unit{Position: position, Events: []controlplane.Event{{
		Position: position, Type: "ip_banned", Data: []byte(fmt.Sprint(position)), Audience: controlplane.Everyone,
	}}}
}

func TestAppendUnit(t *testing.T) {
	t.Parallel()
	event := func(position uint64, audience controlplane.Audience) controlplane.Event {
		return controlplane.Event{Position: position, Type: "t", Data: []byte(fmt.Sprint(position)), Audience: audience}
	}
	const edges, others = controlplane.Edges, controlplane.Subscribers
	const position = "id: 7f3a9c-9\nevent: position\ndata: {}\n\n"
	for name, row := range map[string]struct {
		events []controlplane.Event
		want   string
	}{
		"one":                         {[]controlplane.Event{event(9, edges)}, "id: 7f3a9c-9\nevent: t\ndata: 9\n\n"},
		"only the last has the id":    {[]controlplane.Event{event(7, edges), event(8, edges|others), event(9, edges)}, "event: t\ndata: 7\n\nevent: t\ndata: 8\n\nid: 7f3a9c-9\nevent: t\ndata: 9\n\n"},
		"the last is for others":      {[]controlplane.Event{event(7, edges), event(9, others)}, "event: t\ndata: 7\n\n" + position},
		"the last was superseded":     {[]controlplane.Event{event(7, edges), event(8, edges)}, "event: t\ndata: 7\n\nevent: t\ndata: 8\n\n" + position},
		"only the last is for them":   {[]controlplane.Event{event(7, others), event(9, edges)}, "id: 7f3a9c-9\nevent: t\ndata: 9\n\n"},
		"nothing is for them":         {[]controlplane.Event{event(7, others), event(9, others)}, ""},
		"nothing is for anybody":      {[]controlplane.Event{event(9, 0)}, ""},
		"everything was superseded":   {nil, ""},
		"the first was superseded":    {[]controlplane.Event{event(9, edges)}, "id: 7f3a9c-9\nevent: t\ndata: 9\n\n"},
		"others' in between is left":  {[]controlplane.Event{event(7, edges), event(8, others), event(9, edges)}, "event: t\ndata: 7\n\nid: 7f3a9c-9\nevent: t\ndata: 9\n\n"},
		"a kind that is not the last": {[]controlplane.Event{event(9, others|edges|controlplane.ControlPlanes)}, "id: 7f3a9c-9\nevent: t\ndata: 9\n\n"},
	} {
		got, ok, err := ring.AppendUnit([]byte("before\n"), epoch, controlplane.Unit{Position: 9, Events: row.events}, edges)
		if err != nil || ok != (row.want != "") {
			t.Errorf("%s: %t, %v", name, ok, err)
		}
		if diff := cmp.Diff("before\n"+row.want, string(got)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}

// TestAppendOutOfOrder wants a position that does not follow to be refused, and
// readers to see what they saw before.
func TestAppendOutOfOrder(t *testing.T) {
	t.Parallel()
	for name, units := range map[string][]controlplane.Unit{
		"a repeat": {single(12)}, "one from before": {single(11)}, "one from before the ring": {single(3)}, "no position": {single(0)},
	} {
		r := ring.New(epoch, 10, 0, 0)
		if err := r.Append([]controlplane.Unit{single(11), single(12)}); err != nil {
			t.Fatal(err)
		}
		before := readRing(r, 10, controlplane.Edges, 1<<20)
		if err := r.Append(units); err == nil {
			t.Errorf("%s is taken", name)
		}
		if diff := cmp.Diff(before, readRing(r, 10, controlplane.Edges, 1<<20)); diff != "" || r.Head() != 12 {
			t.Errorf("%s: head %d (-before +after):\n%s", name, r.Head(), diff)
		}
	}
	r := ring.New(epoch, 10, 0, 0)
	if err := r.Append([]controlplane.Unit{single(10)}); err == nil {
		t.Error("the head that the ring began at is taken again")
	}
	if err := r.Append([]controlplane.Unit{single(12), single(11)}); err == nil {
		t.Error("two units in the wrong order are taken")
	}
}

// TestAppendBroken wants a unit that cannot be sent to be refused with all that
// came with it.
func TestAppendBroken(t *testing.T) {
	t.Parallel()
	broken := single(2)
	broken.Events[0].Type = "ip_banned\ndata: forged"
	r := ring.New(epoch, 0, 0, 0)
	if err := r.Append([]controlplane.Unit{single(1), broken}); err == nil {
		t.Error("it is taken")
	}
	if diff := cmp.Diff(read{OK: true}, readRing(r, 0, controlplane.Edges, 1<<20)); diff != "" || r.Head() != 0 {
		t.Errorf("head %d (-want +got):\n%s", r.Head(), diff)
	}
}

// TestDefaultUnits wants a bound where none was given.
func TestDefaultUnits(t *testing.T) {
	t.Parallel()
	var units []controlplane.Unit
	for i := range ring.DefaultUnits + 1 {
		units = append(units, single(uint64(i)+1))
	}
	r := ring.New(epoch, 0, 0, 0)
	if err := r.Append(units); err != nil {
		t.Fatal(err)
	}
	if _, ok := r.Read(nil, 0, controlplane.Edges, 1); ok {
		t.Error("the first unit is still there")
	}
	if b, ok := r.Read(nil, 1, controlplane.Edges, 1<<30); !ok || len(b.Frames) != ring.DefaultUnits {
		t.Errorf("%d units are there, %t; want %d", len(b.Frames), ok, ring.DefaultUnits)
	}
}

// TestEncodedOnce wants all who hear the same to be given the same memory, each
// time.
func TestEncodedOnce(t *testing.T) {
	t.Parallel()
	r := ring.New(epoch, 0, 0, 0)
	if err := r.Append([]controlplane.Unit{single(1)}); err != nil {
		t.Fatal(err)
	}
	first, _ := r.Read(nil, 0, controlplane.Edges, 1)
	for _, audience := range audiences {
		again, _ := r.Read(nil, 0, audience, 1)
		if &again.Frames[0][0] != &first.Frames[0][0] {
			t.Errorf("%b has a copy", audience)
		}
	}
}

// TestReadAppends wants the reader's own slice to be used and kept.
func TestReadAppends(t *testing.T) {
	t.Parallel()
	r := ring.New(epoch, 0, 0, 0)
	if err := r.Append([]controlplane.Unit{single(1), single(2)}); err != nil {
		t.Fatal(err)
	}
	dst := append(make([][]byte, 0, 8), []byte("mine"))
	b, ok := r.Read(dst, 0, controlplane.Subscribers, 1<<20)
	if !ok || len(b.Frames) != 3 || &b.Frames[0] != &dst[0] || !slices.Equal(b.Frames[0], []byte("mine")) {
		t.Errorf("%t, %q", ok, b.Frames)
	}
	if b, ok := r.Read(dst, 2, controlplane.Subscribers, 1<<20); !ok || len(b.Frames) != 1 || b.Told != 0 || b.Next != 2 {
		t.Errorf("at the head: %t, %+v", ok, b)
	}
}

// TestBoundInBytes wants the bound to be reached, to the byte, and not passed.
func TestBoundInBytes(t *testing.T) {
	t.Parallel()
	frame := len(naiveFrames(single(1), controlplane.Edges)) + len(single(1).Events[0].Data) + 256
	r := ring.New(epoch, 0, 100, 2*frame)
	for position := range uint64(3) {
		if err := r.Append([]controlplane.Unit{single(position + 1)}); err != nil {
			t.Fatal(err)
		}
		if _, ok := r.Read(nil, 0, controlplane.Edges, 1); ok != (position < 2) {
			t.Errorf("with %d units the first is there: %t", position+1, ok)
		}
	}
	if b, ok := r.Read(nil, 1, controlplane.Edges, 1<<20); !ok || len(b.Frames) != 2 {
		t.Errorf("%d units are there, %t; want 2", len(b.Frames), ok)
	}
}
