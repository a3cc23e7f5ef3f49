package deny

import (
	"context"
	"math/rand/v2"
	"net/netip"
	"runtime"
	"testing"

	"github.com/ringcast/ringcast/internal/wire"
)

// benchBans is the size of the benchmarks that are quick enough for every run of
// CI, which is a -short one; the others, "1M", have the size that is promised.
const benchBans = 100_000

// asideBatch is how many events a follower hands over at once.
const asideBatch = 1500

func sizes(b *testing.B, run func(b *testing.B, bans int)) {
	b.Run("100k", func(b *testing.B) { run(b, benchBans) })
	if !testing.Short() {
		b.Run("1M", func(b *testing.B) { run(b, 10*benchBans) })
	}
}

// randomBans are addresses, one in a hundred IPv6, in the order of a log.
func randomBans(n int) []any {
	r := rand.New(rand.NewPCG(1, 2))
	events := make([]any, n)
	for i := range events {
		events[i] = &wire.IPBanned{IP: randomAddr(r).String(), Reason: "seen by the honeypot", ExpiresAt: 1 << 40}
	}
	return events
}

func randomAddr(r *rand.Rand) netip.Addr {
	v := r.Uint64()
	if v%100 == 0 {
		return netip.AddrFrom16([16]byte{0x20, 1, 0xd, 0xb8, byte(v >> 8), byte(v >> 16), byte(v >> 24), byte(v >> 32), 15: 1})
	}
	return netip.AddrFrom4([4]byte{byte(v>>8)&0x7f + 1, byte(v >> 16), byte(v >> 24), byte(v >> 32)})
}

func (f *fixture) reset(events []any) {
	ctx := context.Background()
	f.must(f.state.BeginReset(ctx))
	for len(events) > 0 {
		n := min(len(events), asideBatch)
		f.must(f.state.Aside(ctx, events[:n]))
		events = events[n:]
	}
	f.must(f.state.Switch(ctx, "e", 1))
}

// BenchmarkReset builds a state aside and switches to it.
func BenchmarkReset(b *testing.B) {
	sizes(b, func(b *testing.B, bans int) {
		events := randomBans(bans)
		for b.Loop() {
			newFixture(b).reset(events)
		}
	})
}

// BenchmarkBuild reads the index from SQLite, as a start does.
func BenchmarkBuild(b *testing.B) {
	sizes(b, func(b *testing.B, bans int) {
		f := newFixture(b)
		f.reset(randomBans(bans))
		f.reopen()
		var before, after runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&before)
		for b.Loop() {
			f.list.index = nil
			f.must(f.list.build(b.Context()))
		}
		runtime.GC()
		runtime.ReadMemStats(&after)
		b.ReportMetric(float64(after.HeapAlloc-before.HeapAlloc)/float64(bans), "heap-B/ban")
	})
}

// BenchmarkCheck asks for addresses that are allowed, banned, and banned while
// SQLite alone answers.
func BenchmarkCheck(b *testing.B) {
	sizes(b, func(b *testing.B, bans int) {
		f := newFixture(b)
		events := randomBans(bans)
		f.reset(events)
		banned := make([]netip.Addr, 1000)
		allowed := make([]netip.Addr, len(banned))
		for i := range banned {
			banned[i] = netip.MustParseAddr(events[i].(*wire.IPBanned).IP)
			allowed[i] = netip.AddrFrom4([4]byte{200, byte(i), byte(i >> 4), 5})
			if i%2 == 0 {
				allowed[i] = banned[i].Next()
			}
		}
		ask := func(b *testing.B, addrs []netip.Addr) {
			b.ReportAllocs()
			for i := 0; b.Loop(); i++ {
				if _, _, err := f.list.Check(addrs[i%len(addrs)]); err != nil {
					b.Fatal(err)
				}
			}
		}
		b.Run("allowed", func(b *testing.B) { ask(b, allowed) })
		b.Run("banned", func(b *testing.B) { ask(b, banned) })
		f.reopen()
		b.Run("allowed by SQLite", func(b *testing.B) { ask(b, allowed) })
	})
}

// BenchmarkApply is a unit with one ban.
func BenchmarkApply(b *testing.B) {
	f := newFixture(b)
	f.reset(randomBans(benchBans))
	r := rand.New(rand.NewPCG(3, 4))
	for b.Loop() {
		f.apply(&wire.IPBanned{IP: randomAddr(r).String(), Reason: "seen by the honeypot"})
	}
}
