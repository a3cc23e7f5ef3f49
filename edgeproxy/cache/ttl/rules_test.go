package ttl

import (
	"math"
	"net/netip"
	"os"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"
)

const hour = time.Hour

func TestFrequency(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		visits Visits
		want   time.Duration
	}{
		{Visits{}, hour},
		{Visits{Count: 1}, 45 * time.Minute},
		{Visits{Count: 1, Faults: 1}, 45 * time.Minute},
		{Visits{Count: 2}, hour},
		{Visits{Count: 19}, hour},
		{Visits{Count: 20}, 90 * time.Minute},
		{Visits{Count: math.MaxUint32}, 90 * time.Minute},
		{Visits{Count: 20, Faults: 1}, 90 * time.Minute},
		{Visits{Count: 20, Faults: 2}, hour},
		{Visits{Count: 21, Faults: 2}, 90 * time.Minute},
		{Visits{Count: 100, Faults: 100}, hour},
		{Visits{Count: math.MaxUint32, Faults: math.MaxUint32}, hour},
	} {
		if got := frequency(Context{Visits: tt.visits}, hour); got != tt.want {
			t.Errorf("%+v: got %v, want %v", tt.visits, got, tt.want)
		}
	}
}

// TestFrequencyOfAClient takes one client through the whole pipeline.
func TestFrequencyOfAClient(t *testing.T) {
	t.Parallel()
	p := pipeline(t, Config{Rules: []string{"frequency"}})
	client := netip.MustParseAddr("2001:db8::1")
	now := noon
	ask := func() time.Duration {
		now = now.Add(time.Second)
		return p.Lifetime(Context{Now: now, Lifetime: hour, Extend: true, Visits: p.Seen(client, now)})
	}
	want := func(what string, got, want time.Duration) {
		t.Helper()
		if got != want {
			t.Errorf("%s: got %v, want %v", what, got, want)
		}
	}
	want("first", ask(), 45*time.Minute)
	want("second", ask(), hour)
	for range 17 {
		ask()
	}
	want("twentieth", ask(), 90*time.Minute)
	for range 3 {
		p.Misbehaved(client, now)
	}
	want("after three faults", ask(), hour)
	now = now.Add(2 * Window)
	want("forgotten", ask(), 45*time.Minute)
}

func TestTimeOfDay(t *testing.T) {
	t.Parallel()
	rule := timeOfDay(hours{start: 8 * hour, length: 14 * hour}, time.UTC)
	for clock, want := range map[string]time.Duration{
		"08:00:00": 45 * time.Minute,
		"12:00:00": 45 * time.Minute,
		"21:59:59": 45 * time.Minute,
		"22:15:00": 67*time.Minute + 30*time.Second,
		"22:30:00": 90 * time.Minute,
		"00:00:00": 90 * time.Minute,
		"07:30:00": 90 * time.Minute,
		"07:52:30": 56*time.Minute + 15*time.Second,
		"07:45:00": 67*time.Minute + 30*time.Second,
	} {
		now, err := time.Parse(time.TimeOnly, clock)
		if err != nil {
			t.Fatal(err)
		}
		if got := rule(Context{Now: now}, hour); got != want {
			t.Errorf("at %s: got %v, want %v", clock, got, want)
		}
	}
}

// TestTimeOfDayHasNoSteps: a step would make many responses stale at once. Within
// a second the lifetime of an hour may change by 1.5 s.
func TestTimeOfDayHasNoSteps(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		start := time.Duration(rapid.IntRange(0, 1439).Draw(t, "start")) * time.Minute
		length := time.Duration(rapid.IntRange(1, 1440).Draw(t, "length")) * time.Minute
		now := noon.Truncate(day).Add(start + rapid.SampledFrom([]time.Duration{0, length}).Draw(t, "end"))
		now = now.Add(time.Duration(rapid.IntRange(-2000, 2000).Draw(t, "seconds from it")) * time.Second)
		rule := timeOfDay(hours{start, length}, time.UTC)
		before, after := rule(Context{Now: now}, hour), rule(Context{Now: now.Add(time.Second)}, hour)
		if step := (after - before).Abs(); step > 1501*time.Millisecond {
			t.Fatalf("%v, a second later %v", before, after)
		}
	})
}

func TestTimeOfDayFollowsSummerTime(t *testing.T) {
	t.Parallel()
	zone, err := LoadZone("Europe/Berlin")
	if err != nil {
		t.Fatal(err)
	}
	// Clocks go from 2 to 3 on 29 March 2026 and from 3 to 2 on 25 October, at 1 UTC.
	night := timeOfDay(hours{start: 2 * hour, length: 30 * time.Minute}, zone)
	work := timeOfDay(hours{start: 8 * hour, length: 14 * hour}, zone)
	const peak, off = 45 * time.Minute, 90 * time.Minute
	for _, tt := range []struct {
		name string
		rule Rule
		utc  string
		want time.Duration
	}{
		{"winter, 08:00", work, "2026-03-28T07:00:00Z", peak},
		{"winter, 07:29", work, "2026-03-28T06:29:00Z", off},
		{"summer, 08:00", work, "2026-03-29T06:00:00Z", peak},
		{"summer, 07:29", work, "2026-03-29T05:29:00Z", off},
		{"summer, 21:59", work, "2026-03-29T19:59:00Z", peak},
		{"the hour that is not, before", night, "2026-03-29T00:29:59Z", off},
		{"the hour that is not, after", night, "2026-03-29T01:00:00Z", off},
		{"the hour that is twice, first", night, "2026-10-25T00:15:00Z", peak},
		{"the hour that is twice, again", night, "2026-10-25T01:15:00Z", peak},
	} {
		now, err := time.Parse(time.RFC3339, tt.utc)
		if err != nil {
			t.Fatal(err)
		}
		if got := tt.rule(Context{Now: now}, hour); got != tt.want {
			t.Errorf("%s: got %v, want %v", tt.name, got, tt.want)
		}
	}
}

// TestJitterIsEven counts tenths of the spread, for seeds that are hashes and for
// some that are not.
func TestJitterIsEven(t *testing.T) {
	t.Parallel()
	const n, lifetime = 100_000, 1000 * time.Second
	for name, step := range map[string]uint64{"consecutive": 1, "high bits": 1 << 40, "spread": 0x9e3779b97f4a7c15} {
		var tenths [10]int
		for i := range uint64(n) {
			got := jitter(Context{Seed: i * step}, lifetime)
			if got > lifetime || got <= lifetime-lifetime/10 {
				t.Fatalf("%v is not within a tenth below %v", got, lifetime)
			}
			tenths[(lifetime-got)*10/(lifetime/10)]++
		}
		for i, count := range tenths {
			// Ten thousand, give or take five standard deviations.
			if count < 9500 || count > 10_500 {
				t.Errorf("%s: %d of %d in tenth %d", name, count, n, i)
			}
		}
	}
}

func TestJitterIsTheEntrys(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		c := contexts().Draw(t, "context")
		other := contexts().Draw(t, "another request")
		other.Seed = c.Seed
		if a, b := jitter(c, hour), jitter(other, hour); a != b {
			t.Fatalf("%v for one request, %v for the next", a, b)
		}
	})
}

// TestScaleByOne is exact, also where a float64 cannot hold the lifetime.
func TestScaleByOne(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		lifetime := max(0, lifetimes().Draw(t, "lifetime"))
		if got := scale(lifetime, 1); got != lifetime {
			t.Fatalf("got %d, want %d", got, lifetime)
		}
	})
}

// TestDocument: the rule that the document shows is the one that runs, and it
// names them all.
func TestDocument(t *testing.T) {
	t.Parallel()
	doc, err := os.ReadFile("../../../docs/ttl-rules.md")
	if err != nil {
		t.Fatal(err)
	}
	rule, err := os.ReadFile("jitter.go")
	if err != nil {
		t.Fatal(err)
	}
	want := []string{"```go\n" + string(rule) + "```", `{name: "jitter", rule: jitter},`}
	for _, name := range Names() {
		want = append(want, "| `"+name+"` |")
	}
	for _, part := range want {
		if !strings.Contains(string(doc), part) {
			t.Errorf("docs/ttl-rules.md does not have\n%s", part)
		}
	}
}
