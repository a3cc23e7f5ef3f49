package httpfield_test

import (
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/ringcast/ringcast/edgeproxy/cache/httpfield"
)

// hostile are the repeated parts of fields that would cost a careless parser most.
var hostile = []string{
	",", `"`, `",`, `\`, `"\`, " ", "\t,", ";", "=", "a,", "A ", "a=,", "1,", `"a",`, `W/"a",`, `W/`, "*,", "-", "0-,", "(", "a;",
	`private="A,",`, `no-cache=",`, "max-age=9,", "9",
}

// TestHostileInput feeds each parser long fields. Linear work takes seconds, and
// quadratic work hours. It is not parallel, because it counts what is allocated.
func TestHostileInput(t *testing.T) {
	started := time.Now()
	for _, part := range []string{",", "A ,", `",`} {
		checkCost(t, []string{strings.Repeat(part, 10<<20/len(part))})
	}
	const size = 1 << 17
	for _, part := range hostile {
		long := strings.Repeat(part, size/len(part))
		checkCost(t, []string{long})
		checkCost(t, []string{"bytes=" + long})
		checkCost(t, []string{`private="` + long + `"`})
		checkCost(t, slices.Repeat([]string{strings.Repeat(part, 64/len(part))}, size/64))
	}
	if took := time.Since(started); took > 5*time.Minute {
		t.Errorf("took %v", took)
	}
}

func checkCost(t *testing.T, lines []string) {
	t.Helper()
	size := 0
	for _, line := range lines {
		size += len(line)
	}
	if got := allocated(func() { parseAll(lines) }); got > 32*size {
		t.Errorf("%d bytes as %.20q: %d allocated", size, lines, got)
	}
}

// TestHostileStructuredField has the costliest that is short enough to be parsed.
func TestHostileStructuredField(t *testing.T) {
	for _, part := range []string{`"",`, "1,", "a;", "a=(1 1),", "a;b;c,"} {
		lines := []string{strings.Repeat(part, 1<<19/len(part)-1) + "a"}
		got := allocated(func() {
			httpfield.ParseTargeted(lines)
			httpfield.ParseGroups(lines)
		})
		if got > 128<<20 {
			t.Errorf("%q and so on: %d MiB allocated", part, got>>20)
		}
	}
}

func allocated(f func()) int {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	f()
	runtime.ReadMemStats(&after)
	return int(after.TotalAlloc - before.TotalAlloc)
}

func parseAll(lines []string) {
	for range httpfield.ListElements(lines) {
		continue
	}
	httpfield.ParseResponse(lines)
	httpfield.ParseRequest(lines, nil)
	httpfield.ParseRequest(nil, lines)
	httpfield.ParseDate(lines, now)
	httpfield.ParseAge(lines)
	httpfield.ParseETag(lines)
	httpfield.ParseETags(lines)
	_, _ = httpfield.ParseRange(lines, 1000)
	httpfield.ParseVary(lines)
	httpfield.NormalizeSelecting("Accept", lines)
	httpfield.NormalizeSelecting("X", lines)
}

// TestUsualFieldsAllocateNothing is for what is parsed on the way of every answer.
func TestUsualFieldsAllocateNothing(t *testing.T) {
	for name, parse := range usual {
		if n := testing.AllocsPerRun(100, parse); n != 0 {
			t.Errorf("%s: %v allocations", name, n)
		}
	}
}

var usual = map[string]func(){
	"ParseResponse": func() { httpfield.ParseResponse(usualCacheControl) },
	"ParseRequest":  func() { httpfield.ParseRequest(usualCacheControl, nil) },
	"ParseDate":     func() { httpfield.ParseDate(usualDate, now) },
	"ParseAge":      func() { httpfield.ParseAge(usualAge) },
	"ParseETag":     func() { httpfield.ParseETag(usualETag) },
	"a single Accept-Encoding": func() {
		httpfield.NormalizeSelecting("Accept-Encoding", usualEncoding)
	},
}

var (
	usualCacheControl = []string{"max-age=60, public", `s-maxage="120"`}
	usualDate         = []string{"Sun, 06 Nov 1994 08:49:37 GMT"}
	usualAge          = []string{"60"}
	usualETag         = []string{`W/"abc"`}
	usualEncoding     = []string{"gzip"}
)

func BenchmarkParseResponse(b *testing.B) {
	b.ReportAllocs()
	lines := []string{"max-age=60, public"}
	for b.Loop() {
		httpfield.ParseResponse(lines)
	}
}

func BenchmarkNormalizeSelecting(b *testing.B) {
	b.ReportAllocs()
	lines := []string{"gzip, deflate, br, zstd"}
	for b.Loop() {
		httpfield.NormalizeSelecting("Accept-Encoding", lines)
	}
}

func BenchmarkParseDate(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		httpfield.ParseDate(usualDate, now)
	}
}
