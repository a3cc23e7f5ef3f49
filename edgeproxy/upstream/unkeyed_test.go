package upstream

import (
	"net/http"
	"testing"
)

// TestUsualFieldsCostNothing. It is not parallel, because it counts what is allocated.
func TestUsualFieldsCostNothing(t *testing.T) {
	h := http.Header{
		"Accept": {"*/*"}, "Accept-Encoding": {"gzip"}, "Cookie": {"a=b"}, "User-Agent": {"x"}, "X-Requested-With": {"x"},
		"X-Other": {"x"}, "Priority": {"u=1"}, "From": {"x"},
	}
	if n := testing.AllocsPerRun(100, func() { dropUnkeyed(h, "x-user") }); n > 0 || len(h) != 8 {
		t.Errorf("%v allocations, %d fields are left", n, len(h))
	}
}

func BenchmarkDropUnkeyed(b *testing.B) {
	h := http.Header{
		"Accept": {"*/*"}, "Accept-Encoding": {"gzip"}, "Accept-Language": {"de"}, "Cookie": {"a=b"}, "User-Agent": {"x"},
		"Sec-Fetch-Dest": {"x"}, "Sec-Fetch-Mode": {"x"}, "Sec-Fetch-Site": {"x"}, "X-Requested-With": {"x"}, "Priority": {"u=1"},
	}
	b.ReportAllocs()
	for b.Loop() {
		dropUnkeyed(h, "x-user")
	}
}
