package sqlite_test

import (
	"fmt"
	"net/netip"
	"sync/atomic"
	"testing"

	"github.com/ringcast/ringcast/controlplane"
	"github.com/ringcast/ringcast/controlplane/eventlog"
	"github.com/ringcast/ringcast/controlplane/eventlog/sqlite"
)

// benchBans is how many bans a log has before it is measured. cmd/ringcast-bench
// measures a million.
const benchBans = 20_000

var benchRequest = eventlog.Request{Principal: "bench", RPC: "bench"}

// BenchmarkAppend shows what callers gain by sharing a commit.
func BenchmarkAppend(b *testing.B) {
	for _, callers := range []int{1, 8, 64} {
		b.Run(fmt.Sprintf("callersPerCPU=%d", callers), func(b *testing.B) {
			log := openBench(b)
			var last atomic.Uint32
			b.SetParallelism(callers)
			b.RunParallel(func(pb *testing.PB) {
				for pb.Next() {
					appendBench(b, log, benchBan(last.Add(1)))
				}
			})
		})
	}
}

// BenchmarkAppendUnit appends units as large as they may be.
func BenchmarkAppendUnit(b *testing.B) {
	log := openBench(b)
	n := uint32(0)
	for b.Loop() {
		appendBench(b, log, benchUnit(n))
		n += eventlog.MaxUnit
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/eventlog.MaxUnit, "ns/event")
}

// BenchmarkRead reads the whole log in pages, as a replay does.
func BenchmarkRead(b *testing.B) {
	for _, unit := range []string{"single", "batch"} {
		b.Run(unit, func(b *testing.B) {
			log := filled(b, unit == "batch")
			b.ReportAllocs()
			for b.Loop() {
				if n := readAll(b, log); n != benchBans {
					b.Fatalf("%d events, want %d", n, benchBans)
				}
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/benchBans, "ns/event")
		})
	}
}

// BenchmarkLatest looks for every ban that could cover an address, as a check does.
func BenchmarkLatest(b *testing.B) {
	log := filled(b, true)
	for name, text := range map[string]string{"IPv4": "203.0.113.7/32", "IPv6": "2001:db8::7/128"} {
		entities := controlplane.CoveringBans(netip.MustParsePrefix(text))
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				if _, err := log.Latest(b.Context(), entities...); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// BenchmarkList reads a page of a list.
func BenchmarkList(b *testing.B) {
	log := filled(b, true)
	for b.Loop() {
		entries, err := log.List(b.Context(), controlplane.BanPrefix, "", 100)
		if err != nil || len(entries) != 100 {
			b.Fatal(len(entries), err)
		}
	}
}

func openBench(b *testing.B) *sqlite.Log {
	b.Helper()
	log, err := sqlite.Open(b.Context(), sqlite.Config{Dir: b.TempDir()})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() {
		if err := log.Close(); err != nil {
			b.Error(err)
		}
	})
	return log
}

// filled gives a log of bans, in units of one event or of many.
func filled(b *testing.B, batches bool) *sqlite.Log {
	b.Helper()
	log := openBench(b)
	if batches {
		for n := uint32(0); n < benchBans; n += eventlog.MaxUnit {
			appendBench(b, log, benchUnit(n))
		}
		return log
	}
	appended := make(chan error, benchBans)
	for n := range uint32(benchBans) {
		go func() {
			_, err := log.Append(b.Context(), benchBan(n), benchRequest)
			appended <- err
		}()
	}
	for range benchBans {
		if err := <-appended; err != nil {
			b.Fatal(err)
		}
	}
	return log
}

func appendBench(b *testing.B, log eventlog.Log, decide controlplane.Decision) {
	if _, err := log.Append(b.Context(), decide, benchRequest); err != nil {
		b.Error(err)
	}
}

func benchBan(n uint32) controlplane.Decision {
	// An odd factor scatters the addresses, no two of which are alike.
	v := n * 2654435761
	addr := netip.AddrFrom4([4]byte{byte(v >> 24), byte(v >> 16), byte(v >> 8), byte(v)})
	return controlplane.Ban{IP: netip.PrefixFrom(addr, 32), Reason: "seen by the honeypot"}.Decide
}

func benchUnit(from uint32) controlplane.Decision {
	return func(s controlplane.State) ([]controlplane.Event, error) {
		var unit []controlplane.Event
		for n := from; n < from+eventlog.MaxUnit; n++ {
			events, err := benchBan(n)(s)
			if err != nil {
				return nil, err
			}
			unit = append(unit, events...)
		}
		return unit, nil
	}
}

func readAll(b *testing.B, log eventlog.Log) (events int) {
	for after := uint64(0); ; {
		page, err := log.Read(b.Context(), after, 1000)
		if err != nil {
			b.Fatal(err)
		}
		for _, unit := range page.Units {
			events += len(unit.Events)
		}
		if after = page.Next; after == page.Head.Position {
			return events
		}
	}
}
