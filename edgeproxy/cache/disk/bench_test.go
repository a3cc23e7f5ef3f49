package disk

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"testing"
)

func url(n int) string { return fmt.Sprintf("https://shop.example/a/rather/usual/path/%d?q=1", n) }

// stock fills a store with rows of so many bytes.
func stock(b testing.TB, r *rig, rows, bytes int) {
	b.Helper()
	head, body := make([]byte, 400), make([]byte, bytes)
	for n := range rows {
		for {
			if _, ok := r.Put(Record{URL: url(n), Head: head, Body: body}); ok {
				break
			}
			r.writeAll()
		}
	}
	r.writeAll()
}

func benchmarkSizes(b *testing.B, run func(b *testing.B, bytes, rows int)) {
	for _, s := range []struct {
		name        string
		bytes, rows int
	}{{"1KiB", 1 << 10, 100_000}, {"100KiB", 100 << 10, 2000}, {"1MiB", 1 << 20, 200}} {
		b.Run(s.name, func(b *testing.B) {
			b.SetBytes(int64(s.bytes))
			run(b, s.bytes, s.rows)
		})
	}
}

// BenchmarkLookup reads head and body of one random record.
func BenchmarkLookup(b *testing.B) {
	benchmarkSizes(b, func(b *testing.B, bytes, rows int) {
		r := newRig(b, func(c *Config) { c.MaxEntries = 1 << 20 })
		stock(b, r, rows, bytes)
		for b.Loop() {
			if got := r.get(url(rand.IntN(rows))); len(got) != 1 || len(got[0].Body) != bytes {
				b.Fatal(len(got))
			}
		}
	})
}

// BenchmarkMiss looks for what is not stored.
func BenchmarkMiss(b *testing.B) {
	r := newRig(b, func(c *Config) { c.MaxEntries = 1 << 20 })
	stock(b, r, 100_000, 100)
	for b.Loop() {
		if len(r.get("https://shop.example/none")) > 0 {
			b.Fatal("found")
		}
	}
}

// BenchmarkWrite writes into a file that is full, so that each record evicts one.
func BenchmarkWrite(b *testing.B) {
	benchmarkSizes(b, func(b *testing.B, bytes, rows int) {
		r := newRig(b, func(c *Config) { c.MaxEntries = int64(rows) })
		stock(b, r, rows, bytes)
		head, body := make([]byte, 400), make([]byte, bytes)
		n := rows
		for b.Loop() {
			if _, ok := r.Put(Record{URL: url(n), Head: head, Body: body}); !ok {
				r.writeAll()
			}
			n++
		}
		r.writeAll()
		b.ReportMetric(float64(fileBytes(b, r))/float64(r.Stats().Bytes), "file/bytes")
	})
}

// BenchmarkRestart opens a file of 100,000 records and looks one up.
func BenchmarkRestart(b *testing.B) {
	r := newRig(b, func(c *Config) { c.MaxEntries = 1 << 20 })
	stock(b, r, 100_000, 300)
	for b.Loop() {
		b.StopTimer()
		if err := r.Close(); err != nil {
			b.Fatal(err)
		}
		b.StartTimer()
		r.open()
		if len(r.get(url(77_777))) != 1 {
			b.Fatal("not found")
		}
	}
	b.ReportMetric(float64(fileBytes(b, r))/float64(r.Stats().Bytes), "file/bytes")
}

// BenchmarkForeign discards a file of 100,000 records.
func BenchmarkForeign(b *testing.B) {
	for b.Loop() {
		b.StopTimer()
		r := newRig(b, func(c *Config) { c.MaxEntries = 1 << 20 })
		stock(b, r, 100_000, 300)
		if err := r.Close(); err != nil {
			b.Fatal(err)
		}
		r.config.Instance = "two"
		b.StartTimer()
		r.open()
	}
}

func fileBytes(b testing.TB, r *rig) int64 {
	b.Helper()
	if _, err := r.file.db.Write.ExecContext(context.Background(), `PRAGMA wal_checkpoint(TRUNCATE)`); err != nil {
		b.Fatal(err)
	}
	info, err := os.Stat(r.config.Path)
	if err != nil {
		b.Fatal(err)
	}
	return info.Size()
}
