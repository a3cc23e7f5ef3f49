package main

import (
	"math"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestTableLinesUp(t *testing.T) {
	t.Parallel()
	table := newTable("side", "µs", "target")
	table.add("edge", "1", "met")
	table.add("Redis", "1,000")
	const want = "" +
		"| side  | µs    | target |\n" +
		"| ----- | ----- | ------ |\n" +
		"| edge  | 1     | met    |\n" +
		"| Redis | 1,000 |        |\n"
	for range 2 { // printing must not change it
		if diff := cmp.Diff(want, table.String()); diff != "" {
			t.Errorf("table (-want +got):\n%s", diff)
		}
	}
}

func TestFormats(t *testing.T) {
	t.Parallel()
	for got, want := range map[string]string{
		duration(0): "0s", duration(999): "999ns", duration(1234): "1.23µs", duration(1999999): "2ms", duration(math.MinInt64): "-2561111h6m40s",
		duration(-3456 * time.Microsecond): "-3.46ms", duration(12345 * time.Millisecond): "12.3s",
		nanoseconds(61.24): "61.2ns", nanoseconds(99.99): "100.0ns", nanoseconds(12345.6): "12.3µs",
		times(4.96): "5.0×", times(1234.5): "1,235×",
		count(0): "0", count(999): "999", count(1000): "1,000", count(-1234567): "-1,234,567", count(-100): "-100",
		megabytes(199_600_000): "200 MB",
		target("≥ 5×", true):   "≥ 5×: met", target("≥ 5×", false): "≥ 5×: MISSED",
	} {
		if got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}

func TestSpread(t *testing.T) {
	t.Parallel()
	if got, want := spread([]int{3, 1, 2}, count), "2 (1 to 3)"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	if got, want := spread([]int{5}, count), "5"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}
