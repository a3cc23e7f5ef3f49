package ring_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/ringcast/ringcast/controlplane"
	"github.com/ringcast/ringcast/controlplane/ring"
)

// benchRead is about what a stream takes from the ring at once.
const benchRead = 64 << 10

func benchUnit(position uint64) controlplane.Unit {
	return controlplane.Unit{Position: position, Events: []controlplane.Event{{
		Position: position, Type: "ip_banned", Time: time.Unix(1763719200, 0), Audience: controlplane.Everyone,
		Data: []byte(`{"ip":"203.0.113.7","reason":"seen by the honeypot","automatic":false,"timestamp":1763719200}`),
	}}}
}

func fill(b *testing.B, r *ring.Ring, from, n uint64) {
	b.Helper()
	units := make([]controlplane.Unit, n)
	for i := range units {
		units[i] = benchUnit(from + uint64(i))
	}
	if err := r.Append(units); err != nil {
		b.Fatal(err)
	}
}

// BenchmarkAppend puts one unit into a full ring.
func BenchmarkAppend(b *testing.B) {
	r := ring.New("7f3a9c", 0, 0, 0)
	fill(b, r, 1, ring.DefaultUnits)
	position := r.Head()
	b.ReportAllocs()
	for b.Loop() {
		position++
		if err := r.Append([]controlplane.Unit{benchUnit(position)}); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkRead asks for what follows a position: nothing, the last unit, and as
// much as is written at once.
func BenchmarkRead(b *testing.B) {
	r := ring.New("7f3a9c", 0, 0, 0)
	fill(b, r, 1, ring.DefaultUnits)
	for _, behind := range []uint64{0, 1, 1000} {
		b.Run(fmt.Sprintf("behind=%d", behind), func(b *testing.B) {
			b.ReportAllocs()
			var frames [][]byte
			for b.Loop() {
				batch, ok := r.Read(frames[:0], r.Head()-behind, controlplane.Edges, benchRead)
				if !ok || (behind > 0) != (len(batch.Frames) > 0) {
					b.Fatalf("%d frames, in the ring %t", len(batch.Frames), ok)
				}
				frames = batch.Frames
			}
		})
	}
}

// BenchmarkReaders has many readers at the head while a writer goes on: what they
// cost one another by sharing the ring.
func BenchmarkReaders(b *testing.B) {
	r := ring.New("7f3a9c", 0, 0, 0)
	fill(b, r, 1, 1)
	stop, stopped := make(chan struct{}), make(chan error, 1)
	go func() { stopped <- writeUntil(r, stop) }()
	b.SetParallelism(64)
	b.RunParallel(func(pb *testing.PB) {
		var frames [][]byte
		position := r.Head()
		for pb.Next() {
			changed := r.Changed()
			batch, ok := r.Read(frames[:0], position, controlplane.Edges, benchRead)
			if !ok {
				batch.Next = r.Head() // fell behind, as a reader may
			}
			if batch.Next == position {
				<-changed
			}
			frames, position = batch.Frames, batch.Next
		}
	})
	close(stop)
	if err := <-stopped; err != nil {
		b.Fatal(err)
	}
}

func writeUntil(r *ring.Ring, stop <-chan struct{}) error {
	for position := r.Head() + 1; ; position++ {
		select {
		case <-stop:
			return nil
		default:
		}
		if err := r.Append([]controlplane.Unit{benchUnit(position)}); err != nil {
			return err
		}
	}
}
