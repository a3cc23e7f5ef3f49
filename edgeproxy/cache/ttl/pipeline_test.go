package ttl

import (
	"math"
	"math/big"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

var noon = time.Date(2026, 3, 4, 12, 0, 0, 0, time.UTC)

func pipeline(t testing.TB, config Config) *Pipeline {
	t.Helper()
	if config.MaxFactor == 0 {
		config.MaxFactor = DefaultMaxFactor
	}
	p, err := New(config)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// lifetimes are of all sizes, and often at an edge.
func lifetimes() *rapid.Generator[time.Duration] {
	return rapid.OneOf(
		rapid.SampledFrom([]time.Duration{
			0, 1, 2, 1<<53 - 1, 1<<53 + 1, math.MaxInt64/2 - 1, math.MaxInt64 / 2, math.MaxInt64/2 + 1,
			math.MaxInt64 - 1, math.MaxInt64, -1, math.MinInt64, math.MinInt64 + 1,
		}),
		rapid.Custom(func(t *rapid.T) time.Duration { return time.Duration(rapid.Int64().Draw(t, "ns")) }),
		rapid.Custom(func(t *rapid.T) time.Duration {
			return time.Duration(rapid.Int64Range(0, 1<<31).Draw(t, "s")) * time.Second
		}),
	)
}

func contexts() *rapid.Generator[Context] {
	return rapid.Custom(func(t *rapid.T) Context {
		return Context{
			Now:      time.Unix(rapid.Int64Range(-1<<40, 1<<40).Draw(t, "now"), 0),
			Lifetime: lifetimes().Draw(t, "lifetime"),
			Extend:   rapid.Bool().Draw(t, "extend"),
			Visits:   Visits{rapid.Uint32().Draw(t, "count"), rapid.Uint32().Draw(t, "faults")},
			Seed:     rapid.Uint64().Draw(t, "seed"),
		}
	})
}

func factors() *rapid.Generator[float64] {
	return rapid.OneOf(
		rapid.SampledFrom([]float64{1, math.Nextafter(1, 2), 2, math.Nextafter(MaxFactorLimit, 1), MaxFactorLimit}),
		rapid.Float64Range(1, MaxFactorLimit),
	)
}

// anyRule ignores what it should do.
func anyRule() *rapid.Generator[Rule] {
	return rapid.Custom(func(t *rapid.T) Rule {
		d := lifetimes().Draw(t, "rule's number")
		return rapid.SampledFrom([]Rule{
			func(Context, time.Duration) time.Duration { return d },
			func(_ Context, now time.Duration) time.Duration { return now + d },
			func(_ Context, now time.Duration) time.Duration { return -now },
			func(_ Context, now time.Duration) time.Duration { return now * 3 },
			func(c Context, _ time.Duration) time.Duration { return c.Lifetime*2 + d },
		}).Draw(t, "rule")
	})
}

// checkLimits is what holds whatever the rules are.
func checkLimits(t *rapid.T, c Context, maxFactor float64, got time.Duration) {
	lifetime := max(0, c.Lifetime)
	if got < 0 {
		t.Fatalf("%d is below 0", got)
	}
	if (!c.Extend || maxFactor == 1) && got > lifetime {
		t.Fatalf("%d is above the lifetime %d, which is not to be passed", got, lifetime)
	}
	limit := new(big.Float).Mul(big.NewFloat(maxFactor), new(big.Float).SetInt64(int64(lifetime)))
	// The rounding of the product, and nothing more.
	limit.Mul(limit, big.NewFloat(1+1e-15))
	if new(big.Float).SetInt64(int64(got)).Cmp(limit) > 0 {
		t.Fatalf("%d is above %v times the lifetime %d", got, maxFactor, lifetime)
	}
}

func TestLimitsHoldForAnyRules(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		p := &Pipeline{
			rules:     rapid.SliceOfN(anyRule(), 1, 5).Draw(t, "rules"),
			maxFactor: factors().Draw(t, "max factor"),
		}
		c := contexts().Draw(t, "context")
		checkLimits(t, c, p.maxFactor, p.Lifetime(c))
	})
}

func TestLimitsHoldForTheRules(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		names := rapid.Permutation(Names()).Draw(t, "order")
		p, err := New(Config{
			Rules:     names[:rapid.IntRange(0, len(names)).Draw(t, "how many")],
			MaxFactor: factors().Draw(t, "max factor"),
			Peak:      rapid.SampledFrom([]string{"", "00:00-24:00", "22:00-06:00"}).Draw(t, "peak"),
		})
		if err != nil {
			t.Fatal(err)
		}
		c := contexts().Draw(t, "context")
		got := p.Lifetime(c)
		checkLimits(t, c, p.maxFactor, got)
		if again := p.Lifetime(c); again != got {
			t.Fatalf("%d at first, then %d", got, again)
		}
		if c.Lifetime > 10 && got < c.Lifetime/2 {
			t.Fatalf("%d is below half of %d: no rules shorten by more together", got, c.Lifetime)
		}
	})
}

func TestLimitIsReached(t *testing.T) {
	t.Parallel()
	most := func(Context, time.Duration) time.Duration { return math.MaxInt64 }
	for _, tt := range []struct {
		lifetime time.Duration
		factor   float64
		extend   bool
		want     time.Duration
	}{
		{time.Minute, 2, true, 2 * time.Minute},
		{time.Minute, 1.5, true, 90 * time.Second},
		{time.Minute, 1, true, time.Minute},
		{time.Minute, 2, false, time.Minute},
		{0, 2, true, 0},
		{math.MaxInt64, 1, true, math.MaxInt64},
		{math.MaxInt64 - 1, 1, true, math.MaxInt64 - 1},
		{math.MaxInt64/2 + 1, 2, true, math.MaxInt64},
		{math.MaxInt64, 10, true, math.MaxInt64},
		{math.MaxInt64 - 1, 10, false, math.MaxInt64 - 1},
	} {
		p := &Pipeline{rules: []Rule{most}, maxFactor: tt.factor}
		if got := p.Lifetime(Context{Lifetime: tt.lifetime, Extend: tt.extend}); got != tt.want {
			t.Errorf("%d times %v, extend %v: got %d, want %d", tt.lifetime, tt.factor, tt.extend, got, tt.want)
		}
	}
}

// TestLimitsHoldBetweenRules: what one rule has too much is not the next one's to
// take off.
func TestLimitsHoldBetweenRules(t *testing.T) {
	t.Parallel()
	double := func(_ Context, now time.Duration) time.Duration { return now * 2 }
	halve := func(_ Context, now time.Duration) time.Duration { return now / 2 }
	negate := func(_ Context, now time.Duration) time.Duration { return -now }
	for _, tt := range []struct {
		rules []Rule
		want  time.Duration
	}{
		{[]Rule{double, double, halve}, time.Minute},
		{[]Rule{halve, double, double}, 2 * time.Minute},
		{[]Rule{negate, negate}, 0},
	} {
		p := &Pipeline{rules: tt.rules, maxFactor: 2}
		if got := p.Lifetime(Context{Lifetime: time.Minute, Extend: true}); got != tt.want {
			t.Errorf("got %v, want %v", got, tt.want)
		}
	}
}

func TestNoRulesChangeNothing(t *testing.T) {
	t.Parallel()
	for _, p := range []*Pipeline{nil, pipeline(t, Config{MaxFactor: MaxFactorLimit})} {
		if p.Active() {
			t.Error("active without rules")
		}
		rapid.Check(t, func(t *rapid.T) {
			c := contexts().Draw(t, "context")
			if got := p.Lifetime(c); got != max(0, c.Lifetime) {
				t.Fatalf("got %d, want %d", got, c.Lifetime)
			}
		})
	}
}

func TestOnlyFrequencyTracks(t *testing.T) {
	t.Parallel()
	client := netip.MustParseAddr("192.0.2.1")
	for _, p := range []*Pipeline{nil, pipeline(t, Config{}), pipeline(t, Config{Rules: []string{"jitter", "time"}})} {
		p.Misbehaved(client, noon)
		if got := p.Seen(client, noon); got != (Visits{}) {
			t.Errorf("counted %+v, which no rule looks at", got)
		}
	}
	p := pipeline(t, Config{Rules: []string{"jitter", "frequency"}})
	p.Seen(client, noon)
	p.Misbehaved(client, noon)
	if diff := cmp.Diff(Visits{Count: 2, Faults: 1}, p.Seen(client, noon)); diff != "" {
		t.Errorf("visits (-want +got):\n%s", diff)
	}
}

// TestRulesApplyInOrder: jitter last keeps its spread where a rule before it
// reached the limit, jitter first loses it.
func TestRulesApplyInOrder(t *testing.T) {
	t.Parallel()
	c := Context{Now: noon.Add(12 * time.Hour), Lifetime: time.Minute, Seed: 1}
	if got := pipeline(t, Config{Rules: []string{"time", "jitter"}}).Lifetime(c); got >= time.Minute {
		t.Errorf("jitter last: %v, want less than %v", got, time.Minute)
	}
	if got := pipeline(t, Config{Rules: []string{"jitter", "time"}}).Lifetime(c); got != time.Minute {
		t.Errorf("jitter first: %v, want %v", got, time.Minute)
	}
}

func TestNewRefuses(t *testing.T) {
	t.Parallel()
	known := "frequency, time, jitter"
	for _, tt := range []struct {
		config Config
		want   []string
	}{
		{Config{Rules: []string{"jitter", "jiter"}}, []string{`"jiter"`, known}},
		{Config{Rules: []string{""}}, []string{`""`, known}},
		{Config{Rules: []string{"Jitter"}}, []string{`"Jitter"`, known}},
		{Config{Rules: []string{"jitter", "time", "jitter"}}, []string{`"jitter"`, "twice", known}},
		{Config{Peak: "8-22"}, []string{`"8-22"`, `"08:00-22:00"`}},
		{Config{MaxFactor: 0.99}, []string{"0.99", "1 to 10"}},
		{Config{MaxFactor: -2}, []string{"-2"}},
		{Config{MaxFactor: math.Nextafter(10, 11)}, []string{"1 to 10"}},
		{Config{MaxFactor: math.NaN()}, []string{"NaN"}},
		{Config{MaxFactor: math.Inf(1)}, []string{"Inf"}},
	} {
		if tt.config.MaxFactor == 0 {
			tt.config.MaxFactor = 2
		}
		p, err := New(tt.config)
		if err == nil || p != nil {
			t.Errorf("%+v: taken", tt.config)
			continue
		}
		for _, part := range tt.want {
			if !strings.Contains(err.Error(), part) {
				t.Errorf("%+v: %q does not say %q", tt.config, err, part)
			}
		}
	}
	if _, err := New(Config{}); err == nil {
		t.Error("a max factor of 0 was taken")
	}
}

func TestNames(t *testing.T) {
	t.Parallel()
	names := Names()
	if diff := cmp.Diff([]string{"frequency", "time", "jitter"}, names); diff != "" {
		t.Errorf("names (-want +got):\n%s", diff)
	}
	slices.Reverse(names)
	pipeline(t, Config{Rules: names})
}
