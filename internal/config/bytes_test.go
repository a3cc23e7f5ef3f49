package config_test

import (
	"math"
	"testing"

	"pgregory.net/rapid"

	"github.com/ringcast/ringcast/internal/config"
)

func TestParseBytes(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]config.Bytes{
		"0": 0, "0B": 0, "1": 1, "12B": 12, "1048576": 1 << 20, "64MiB": 64 << 20, "64 mib": 64 << 20, "1GB": 1e9, "1kb": 1000, "2TiB": 2 << 40,
		"9223372036854775807": math.MaxInt64, "8388607TiB": 8388607 << 40,
	} {
		if got, err := config.ParseBytes(text); err != nil || got != want {
			t.Errorf("%q: %d, %v; want %d", text, got, err, want)
		}
	}
	for _, text := range []string{
		"", "B", "MiB", "-1", "+1", "1.5GiB", "1 2", "0x10", "1MiBB", "1M", "9223372036854775808", "8388608TiB", "9223372036854775807KB", "1e3", " 1",
	} {
		if got, err := config.ParseBytes(text); err == nil {
			t.Errorf("%q: %d, want an error", text, got)
		}
	}
}

func TestBytesRoundTrip(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		unit := rapid.SampledFrom([]int64{1, 1000, 1024, 1e6, 1 << 20, 1e9, 1 << 30, 1e12, 1 << 40}).Draw(t, "unit")
		size := config.Bytes(rapid.Int64Range(0, math.MaxInt64/unit).Draw(t, "count") * unit)
		if got, err := config.ParseBytes(size.String()); err != nil || got != size {
			t.Fatalf("%d: %s, read back as %d, %v", size, size, got, err)
		}
	})
}

func TestBytesString(t *testing.T) {
	t.Parallel()
	for size, want := range map[config.Bytes]string{
		0: "0", 1: "1", 1023: "1023", 1024: "1KiB", 1000: "1KB", 64 << 20: "64MiB", 1e9: "1GB", 1 << 40: "1TiB",
	} {
		if got := size.String(); got != want {
			t.Errorf("%d: %s, want %s", int64(size), got, want)
		}
	}
}
