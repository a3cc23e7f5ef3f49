package ttl

import (
	"encoding/binary"
	"math"
	"net/netip"
	"sync"
	"testing"
	"time"
	"unsafe"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

// start is when a window of the clock begins.
var start = time.Unix(1_800_000_000, 0).Truncate(Window)

// address is the nth of many.
func address(n uint32) netip.Addr {
	var b [4]byte
	binary.BigEndian.PutUint32(b[:], n)
	return netip.AddrFrom4(b)
}

func (t *tracker) seen(addr netip.Addr, now time.Time) Visits { return t.count(addr, now, 1, 0) }

func TestClientsAreCountedBy(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name, a, b string
		same       bool
	}{
		{"the same", "192.0.2.1", "192.0.2.1", true},
		{"IPv4 neighbours", "192.0.2.1", "192.0.2.2", false},
		{"IPv4 in IPv6", "192.0.2.1", "::ffff:192.0.2.1", true},
		{"IPv4 in IPv6, neighbours", "::ffff:192.0.2.2", "::ffff:192.0.2.1", false},
		{"a /64", "2001:db8::1", "2001:db8::ffff:ffff:ffff:ffff", true},
		{"neighbouring /64", "2001:db8::1", "2001:db8:0:1::1", false},
		{"an interface", "fe80::1%eth0", "fe80::2%eth1", true},
		{"an IPv4 address and the /64 of its number", "0.0.0.1", "0:0:0:1::", false},
		{"the zero of both", "0.0.0.0", "::", false},
	} {
		tr := newTracker()
		tr.seen(netip.MustParseAddr(tt.a), start)
		if got := tr.seen(netip.MustParseAddr(tt.b), start).Count == 2; got != tt.same {
			t.Errorf("%s: %s and %s, the same client: %v", tt.name, tt.a, tt.b, got)
		}
	}
	if got := newTracker().seen(netip.Addr{}, start); got != (Visits{}) {
		t.Errorf("no address: %+v", got)
	}
}

func TestVisitsPass(t *testing.T) {
	t.Parallel()
	client := address(1)
	for _, tt := range []struct {
		name  string
		after time.Duration
		want  Visits
	}{
		{"at once", 0, Visits{101, 10}},
		{"the same window, its last second", Window - time.Second, Visits{101, 10}},
		{"the next window", Window, Visits{101, 10}},
		{"a quarter into it", Window * 5 / 4, Visits{76, 8}},
		{"half into it", Window * 3 / 2, Visits{51, 5}},
		{"its last second", 2*Window - time.Second, Visits{2, 1}},
		{"the one after", 2 * Window, Visits{1, 0}},
		{"long after", 1000 * Window, Visits{1, 0}},
		{"set back a window", -Window, Visits{101, 10}},
		{"set back a year", -365 * 24 * time.Hour, Visits{1, 0}},
		{"before 1970", -100 * 365 * 24 * time.Hour, Visits{1, 0}},
	} {
		tr := newTracker()
		for range 100 {
			tr.seen(client, start)
		}
		for range 10 {
			tr.count(client, start, 0, 1)
		}
		if diff := cmp.Diff(tt.want, tr.seen(client, start.Add(tt.after))); diff != "" {
			t.Errorf("%s (-want +got):\n%s", tt.name, diff)
		}
	}
}

// TestCountAgainstEveryVisit: between what surely counts and what can count at
// most, whatever the times are.
func TestCountAgainstEveryVisit(t *testing.T) {
	t.Parallel()
	tr, clients := newTracker(), uint32(0)
	rapid.Check(t, func(t *rapid.T) {
		client, now := address(clients), start
		clients++
		var visits []time.Time
		for range rapid.IntRange(1, 60).Draw(t, "visits") {
			now = now.Add(time.Duration(rapid.IntRange(0, 900).Draw(t, "pause")) * time.Second)
			visits = append(visits, now)
			got := int(tr.seen(client, now).Count)
			least, most := 0, 0
			for _, v := range visits {
				if !v.Before(now.Truncate(Window)) {
					least++
				}
				if now.Sub(v) < 2*Window {
					most++
				}
			}
			if got < least || got > most {
				t.Fatalf("counted %d, which is not from %d to %d", got, least, most)
			}
		}
	})
}

// TestCountOfAnEvenRate is right to a visit or two.
func TestCountOfAnEvenRate(t *testing.T) {
	t.Parallel()
	tr := newTracker()
	want := float64(Window / (3 * time.Second))
	for at := time.Duration(0); at < 10*Window; at += 3 * time.Second {
		got := float64(tr.seen(address(1), start.Add(at)).Count)
		if at >= Window && math.Abs(got-want) > 2 {
			t.Fatalf("after %v: counted %v, want %v", at, got, want)
		}
	}
}

// TestMillionAddresses: the memory is that of the table, and a flood of addresses
// that come once leaves the clients that are seen often. It is not parallel since
// it counts allocations.
func TestMillionAddresses(t *testing.T) {
	const million = 1_000_000
	if size := unsafe.Sizeof(tracker{}); size > 3<<20 {
		t.Errorf("the table has %d bytes, want at most 3 MiB", size)
	}
	tr := newTracker()
	regular := address(math.MaxUint32)
	for range 50 {
		tr.seen(regular, start)
	}
	n := uint32(0)
	// One run goes before those that are counted.
	allocs := testing.AllocsPerRun(1, func() {
		for range million / 2 {
			tr.seen(address(n), start.Add(time.Second))
			n++
		}
	})
	if n != million || allocs != 0 {
		t.Errorf("%v allocations for %d addresses, want 0 for a million", allocs, n)
	}
	if got := tr.clients(); got > MaxClients || got < MaxClients*9/10 {
		t.Errorf("%d clients are known, want nearly all %d places taken", got, MaxClients)
	}
	if got := tr.seen(regular, start.Add(time.Second)).Count; got != 51 {
		t.Errorf("counted %d of one seen often, want 51", got)
	}
}

// clients counts the places that are taken.
func (t *tracker) clients() int {
	n := 0
	for i := range t.sets {
		for j := range t.sets[i].slots {
			if t.sets[i].slots[j].client != (client{}) {
				n++
			}
		}
	}
	return n
}

// TestPlaceIsThatOfTheLeast: of one set, which is full, the client with the fewest
// requests goes, and of those the one there longest.
func TestPlaceIsThatOfTheLeast(t *testing.T) {
	t.Parallel()
	m := newMoment(start)
	var s set
	visit := func(n uint32, m moment) uint32 {
		slot := s.find(newClient(address(n)), m)
		slot.current.visits++
		return slot.estimate(m).Count
	}
	for n := range uint32(ways) {
		for range 10 {
			visit(n, m)
		}
	}
	// Once the others are as good as forgotten, 3 comes again.
	late := newMoment(start.Add(2*Window - time.Second))
	if got := visit(3, late); got != 2 {
		t.Errorf("counted %d of the one that comes again, want 2", got)
	}
	for n := range uint32(ways - 1) {
		if got := visit(100+n, late); got != 1 {
			t.Errorf("newcomer %d was known %d times", n, got)
		}
	}
	for n := range uint32(ways - 1) {
		if got := visit(100+n, late); got != 2 {
			t.Errorf("newcomer %d was forgotten for a later one, with %d", n, got)
		}
	}
	if got := visit(3, late); got != 3 {
		t.Errorf("counted %d of the one seen often, want 3", got)
	}
}

func TestCountsOfManyGoroutines(t *testing.T) {
	t.Parallel()
	const goroutines, each = 16, 500
	p := pipeline(t, Config{Rules: Names()})
	var wg sync.WaitGroup
	for g := range uint32(goroutines) {
		wg.Go(func() {
			for i := range uint32(each) {
				// Some are a little behind the others, in the window before.
				now := start.Add(-time.Duration(i%2) * time.Second)
				v := p.Seen(address(1), now)
				p.Seen(address(1000+g*each+i), now)
				p.Misbehaved(address(1), now)
				p.Lifetime(Context{Now: now, Lifetime: hour, Visits: v})
			}
		})
	}
	wg.Wait()
	got := p.Seen(address(1), start)
	if want := (Visits{goroutines*each + 1, goroutines * each}); got != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
}

func BenchmarkSeen(b *testing.B) {
	for name, clients := range map[string]uint32{"one": 1, "hundred": 100, "million": 1_000_000} {
		b.Run(name, func(b *testing.B) {
			tr := newTracker()
			b.ReportAllocs()
			for n := uint32(0); b.Loop(); n++ {
				tr.seen(address(n*7919%clients), start)
			}
		})
	}
	for name, clients := range map[string]uint32{"parallel, one": 1, "parallel, thousand": 1000} {
		b.Run(name, func(b *testing.B) {
			tr := newTracker()
			b.ReportAllocs()
			b.RunParallel(func(pb *testing.PB) {
				for n := uint32(0); pb.Next(); n++ {
					tr.seen(address(n%clients), start)
				}
			})
		})
	}
}

func BenchmarkLifetime(b *testing.B) {
	zone, err := LoadZone("Europe/Berlin")
	if err != nil {
		b.Fatal(err)
	}
	for _, names := range [][]string{nil, {"frequency"}, {"time"}, {"jitter"}, Names()} {
		name := "none"
		if len(names) > 0 {
			name = names[len(names)-1]
		}
		if len(names) > 1 {
			name = "all"
		}
		b.Run(name, func(b *testing.B) {
			p := pipeline(b, Config{Rules: names, Zone: zone})
			c := Context{Now: start, Lifetime: hour, Extend: true, Visits: Visits{Count: 30}, Seed: 1}
			b.ReportAllocs()
			for b.Loop() {
				p.Lifetime(c)
				c.Seed++
			}
		})
	}
}
