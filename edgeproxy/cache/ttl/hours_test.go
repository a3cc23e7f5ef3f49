package ttl

import (
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"
)

func TestParseHours(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]hours{
		"08:00-22:00": {8 * hour, 14 * hour},
		"22:00-06:30": {22 * hour, 8*hour + 30*time.Minute},
		"00:00-24:00": {0, 24 * hour},
		"23:59-24:00": {23*hour + 59*time.Minute, time.Minute},
		"12:00-00:00": {12 * hour, 12 * hour},
		"00:01-00:00": {time.Minute, 24*hour - time.Minute},
	} {
		got, err := parseHours(text)
		if err != nil || got != want {
			t.Errorf("%q: got %v and %v, want %v", text, got, err, want)
		}
	}
	for _, text := range []string{
		"", "-", "08:00", "08:00-", "-22:00", "8:00-22:00", "08:00-22:00 ", "08:00 - 22:00", "24:00-08:00",
		"08:00-25:00", "08:60-22:00", "08:00-22:00-23:00", "08:00:00-22:00:00", "08:00–22:00", "08:00-08:00",
		"00:00-00:00", "-1:00-22:00", "08:0a-22:00",
	} {
		if got, err := parseHours(text); err == nil {
			t.Errorf("%q: taken as %v", text, got)
		}
	}
}

// TestAway compares with a walk in both directions, minute by minute.
func TestAway(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		start := rapid.IntRange(0, 1439).Draw(t, "start")
		length := rapid.IntRange(1, 1440).Draw(t, "length")
		clock := rapid.IntRange(0, 1439).Draw(t, "clock")
		var peak [1440]bool
		for i := range length {
			peak[(start+i)%1440] = true
		}
		at := func(minute int) bool { return peak[(minute+2*1440)%1440] }
		want := 0
		// The peak ends where the last minute of it does.
		for !at(clock) && !at(clock+want) && !at(clock-1-want) {
			want++
		}
		h := hours{time.Duration(start) * time.Minute, time.Duration(length) * time.Minute}
		if got := h.away(time.Duration(clock) * time.Minute); got != time.Duration(want)*time.Minute {
			t.Fatalf("got %v, want %d minutes", got, want)
		}
	})
}

func TestLoadZone(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]string{"": "UTC", "UTC": "UTC", "Local": "Local", "Asia/Tokyo": "Asia/Tokyo"} {
		zone, err := LoadZone(name)
		if err != nil || zone.String() != want {
			t.Errorf("%q: got %v and %v", name, zone, err)
		}
	}
	for _, name := range []string{"Europe/Atlantis", "../etc/passwd", "CET+1"} {
		if _, err := LoadZone(name); err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("%q: %v", name, err)
		}
	}
}
