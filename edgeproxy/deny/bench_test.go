package deny

import (
	"context"
	"encoding/binary"
	"math/rand/v2"
	"net/netip"
	"runtime"
	"strconv"
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
		for b.Loop() {
			f.list.index = nil
			f.must(f.list.build(b.Context()))
		}
	})
}

// BenchmarkMemory tells what the index takes: for addresses all over IPv4, for the
// /64s of IPv6 clients, for addresses that follow one another, and for revocations.
func BenchmarkMemory(b *testing.B) {
	r := rand.New(rand.NewPCG(5, 6))
	for _, m := range []struct {
		name, unit string
		change     func(i int) change
	}{
		{"IPv4", "bytes/ban", func(int) change { return present(netip.AddrFrom4([4]byte(random(r, 4))), 32) }},
		{"IPv6 per 64", "bytes/ban", func(int) change {
			return present(netip.AddrFrom16([16]byte(append(random(r, 8), make([]byte, 8)...))), 64)
		}},
		{"dense IPv4", "bytes/ban", func(i int) change {
			return present(netip.AddrFrom4([4]byte{10, byte(i >> 16), byte(i >> 8), byte(i)}), 32)
		}},
		{"revocations", "bytes/revocation", func(int) change { return change{token: r.Uint64(), present: true} }},
	} {
		b.Run(m.name, func(b *testing.B) {
			sizes(b, func(b *testing.B, n int) {
				for b.Loop() {
					before := heapInUse()
					built := newIndex()
					for i := range n {
						built.apply([]change{m.change(i)})
					}
					b.ReportMetric(float64(heapInUse()-before)/float64(built.prefixes.Size()+len(built.tokens)), m.unit)
				}
			})
		})
	}
}

func present(addr netip.Addr, bits int) change {
	return change{prefix: netip.PrefixFrom(addr, bits).Masked(), present: true}
}

func random(r *rand.Rand, n int) []byte { return binary.BigEndian.AppendUint64(nil, r.Uint64())[:n] }

func heapInUse() int64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}

// BenchmarkCheck asks for addresses that are not banned, banned, banned and allowed
// by an entry, and the first again while SQLite alone answers.
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
		f.apply(&wire.IPAllowed{IP: "64.0.0.0/8"}, &wire.IPBanned{IP: "64.0.0.0/10"})
		b.Run("banned and allowed", func(b *testing.B) { ask(b, []netip.Addr{netip.MustParseAddr("64.1.2.3")}) })
		f.reopen()
		b.Run("allowed by SQLite", func(b *testing.B) { ask(b, allowed) })
	})
}

// BenchmarkCheckToken asks for tokens that are not revoked, by all three names.
func BenchmarkCheckToken(b *testing.B) {
	sizes(b, func(b *testing.B, n int) {
		f := newFixture(b)
		f.must(f.list.build(b.Context()))
		for i := range n {
			f.list.index.tokens[tokenSum(f.list.seed, KindJTI, strconv.Itoa(i))] = struct{}{}
		}
		b.ReportAllocs()
		token := Token{JTI: "5c8d3a52-7f0e-4a5b-9c53-d1a5a1f0c1e7", Subject: "user-4711", Hash: numberedHash(1)}
		for b.Loop() {
			if _, revoked, err := f.list.CheckToken(token); revoked || err != nil {
				b.Fatal(revoked, err)
			}
		}
	})
}

// BenchmarkBanOwn writes bans of the edge's own, as many at once as an attack makes.
func BenchmarkBanOwn(b *testing.B) {
	f := newFixture(b)
	f.reset(randomBans(benchBans))
	r := rand.New(rand.NewPCG(7, 8))
	const batch = 256
	for b.Loop() {
		bans := make([]Ban, batch)
		for i := range bans {
			addr := randomAddr(r)
			bans[i] = Ban{Prefix: netip.PrefixFrom(addr, addr.BitLen()), Reason: "too many failed requests", ExpiresAt: 1 << 40}
		}
		f.must(f.list.BanOwn(b.Context(), f.state, bans...))
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*batch), "ns/ban")
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
