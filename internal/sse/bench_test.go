package sse_test

import (
	"bytes"
	"io"
	"strconv"
	"strings"
	"testing"

	"github.com/ringcast/ringcast/internal/sse"
)

func BenchmarkAppendFrame(b *testing.B) {
	for name, data := range map[string][]byte{
		"100B":      bytes.Repeat([]byte("a"), 100),
		"100Blines": bytes.Repeat([]byte("aaaa\n"), 20),
		"64KiB":     bytes.Repeat([]byte("a"), 64<<10),
	} {
		b.Run(name, func(b *testing.B) {
			f := sse.Frame{ID: "7f3a9c-1234567", Type: "ip_banned", Data: data}
			buf := must(sse.AppendFrame(nil, f))
			b.SetBytes(int64(len(buf)))
			b.ReportAllocs()
			for b.Loop() {
				buf, _ = sse.AppendFrame(buf[:0], f)
			}
		})
	}
}

// BenchmarkParser reads replays of events with a different id each.
func BenchmarkParser(b *testing.B) {
	for name, data := range map[string]string{
		"100B":      strings.Repeat("a", 100),
		"100Blines": strings.Repeat("aaaa\n", 20),
		"64KiB":     strings.Repeat("a", 64<<10),
		"notUTF8":   strings.Repeat("aaa\xFF", 25),
	} {
		for eol, end := range map[string]string{"LF": "\n", "CR": "\r"} {
			b.Run(name+"/"+eol, func(b *testing.B) { benchmarkParser(b, data, end) })
		}
	}
}

func benchmarkParser(b *testing.B, data, end string) {
	const events = 1000
	var sb strings.Builder
	for i := range events {
		sb.WriteString("id: 7f3a9c-" + strconv.Itoa(1e6+i) + "\nevent: ip_banned\ndata: ")
		sb.WriteString(strings.ReplaceAll(data, "\n", "\ndata: ") + "\n\n")
	}
	stream := strings.ReplaceAll(sb.String(), "\n", end)
	b.SetBytes(int64(len(stream)))
	b.ReportAllocs()
	for b.Loop() {
		p := sse.NewParser(strings.NewReader(stream), sse.Options{})
		n := 0
		for ; ; n++ {
			if _, err := p.Next(); err == io.EOF {
				break
			}
		}
		if n != events {
			b.Fatalf("%d events, want %d", n, events)
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/events, "ns/event")
}
