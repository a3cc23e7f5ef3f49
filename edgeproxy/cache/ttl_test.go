package cache

import (
	"fmt"
	"net/netip"
	"testing"
	"time"

	"github.com/ringcast/ringcast/edgeproxy/cache/ttl"
)

func newTTLRig(t *testing.T, maxFactor float64, rules ...string) *rig {
	t.Helper()
	// The rig's clock begins at eight.
	pipeline, err := ttl.New(ttl.Config{Rules: rules, MaxFactor: maxFactor, Peak: "08:00-12:00"})
	if err != nil {
		t.Fatal(err)
	}
	return newRig(t, Config{TTL: pipeline})
}

func from(address string, target string, lines ...string) *Request {
	r := get(target, lines...)
	r.Client = netip.MustParseAddr(address)
	return r
}

// stockFor stores a response by a client of its own, at a time that counts as the
// origin's.
func (r *rig) stockFor(t *testing.T, lines ...string) {
	t.Helper()
	r.outcome(t, from("192.0.2.99", "/"), always(func() *Response { return respond(200, "x", lines...) }))
}

// TestFreshnessIsJudgedForWhoAsks: the same entry, at the same time, is fresh for
// one client and stale for another.
func TestFreshnessIsJudgedForWhoAsks(t *testing.T) {
	t.Parallel()
	r := newTTLRig(t, 2, "frequency")
	r.stockFor(t, "Cache-Control: max-age=100")
	ttlFor := func(address string) string {
		d := r.Begin(from(address, "/"))
		return fmt.Sprint(d.Action == Serve, " ", d.Outcome.TTL)
	}
	if got := ttlFor("192.0.2.1"); got != "true 75" {
		t.Errorf("the first request: %s", got)
	}
	for range 18 {
		if got := ttlFor("192.0.2.1"); got != "true 100" {
			t.Fatalf("those after it: %s", got)
		}
	}
	if got := ttlFor("192.0.2.1"); got != "true 150" {
		t.Errorf("the twentieth: %s", got)
	}
	r.clock.advance(80 * time.Second)
	if got := ttlFor("192.0.2.2"); got != "false 0" {
		t.Errorf("another client's first, 80 s later: %s", got)
	}
	if got := ttlFor("192.0.2.1"); got != "true 70" {
		t.Errorf("the frequent one then: %s", got)
	}
	for range 3 {
		r.Answered(from("192.0.2.1", "/"), 404)
	}
	if got := ttlFor("192.0.2.1"); got != "true 20" {
		t.Errorf("the same, misbehaving: %s", got)
	}
	if d := r.Begin(get("/")); d.Action != Serve || d.Outcome.TTL != 20 {
		t.Errorf("nobody in particular: %v", d.Outcome)
	}
}

func TestLifetimesFollowTheClock(t *testing.T) {
	t.Parallel()
	r := newTTLRig(t, 2, "time")
	r.stockFor(t, "Cache-Control: max-age=36000")
	for _, tt := range []struct {
		after time.Duration
		want  int
	}{{0, 27000}, {4 * time.Hour, 27000 - 4*3600}, {4*time.Hour + 15*time.Minute, 40500 - 15300}, {4*time.Hour + 30*time.Minute, 54000 - 16200}} {
		r.clock.advance(tt.after - r.clock.Now().Sub(newClock().Now()))
		if d := r.Begin(get("/")); d.Outcome.TTL != tt.want {
			t.Errorf("after %v: %v, want %d", tt.after, d.Outcome, tt.want)
		}
	}
}

// TestJitterIsTheEntrysOwn, and not the request's.
func TestJitterIsTheEntrysOwn(t *testing.T) {
	t.Parallel()
	r := newTTLRig(t, 2, "jitter")
	spread := map[int]bool{}
	for i := range 50 {
		target := fmt.Sprint("/", i)
		r.outcome(t, get(target), always(func() *Response { return respond(200, "x", "Cache-Control: max-age=1000") }))
		first := r.Begin(get(target)).Outcome.TTL
		if again := r.Begin(get(target)).Outcome.TTL; again != first || first < 900 || first > 1000 {
			t.Errorf("%s: %d, then %d", target, first, again)
		}
		spread[first] = true
	}
	if len(spread) < 20 {
		t.Errorf("50 entries have %d lifetimes", len(spread))
	}
}

// TestRulesDoNotPassTheOrigin: what it said of shared caches, or against stale use,
// is not lengthened, only shortened; and what is not to be stored is not.
func TestRulesDoNotPassTheOrigin(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		field   string
		longest int // seconds for a frequent client, off-peak
	}{
		{"Cache-Control: max-age=100", 200},
		{"Cache-Control: max-age=100, public", 200},
		{"Expires: Fri, 15 Jan 2027 08:01:40 GMT", 200},
		{"Cache-Control: s-maxage=100", 100},
		{"Cache-Control: max-age=50, s-maxage=100", 100},
		{"CDN-Cache-Control: max-age=100", 100},
		{"Ringcast-Cache-Control: max-age=100", 100},
		{"Cache-Control: max-age=100, must-revalidate", 100},
		{"Cache-Control: max-age=100, proxy-revalidate", 100},
		{`Cache-Control: max-age=100, private="X"`, 100},
		{`Cache-Control: max-age=100, no-cache="X"`, 100},
		{"Cache-Control: max-age=0", 0},
		{"Cache-Control: max-age=100, no-store", 0},
		{"Cache-Control: max-age=100, private", 0},
		{"Cache-Control: max-age=100, no-cache", 0},
	} {
		r := newTTLRig(t, 2, "frequency", "time")
		r.clock.advance(-2 * time.Hour) // away from the peak
		r.stockFor(t, tt.field, "Date: Fri, 15 Jan 2027 08:00:00 GMT", `Etag: "1"`)
		var last Decision
		for range 20 {
			last = r.Begin(from("192.0.2.1", "/"))
		}
		if got := last.Outcome.TTL; got > tt.longest || tt.longest > 0 && got != tt.longest {
			t.Errorf("%s: %v, want %d", tt.field, last.Outcome, tt.longest)
		}
		if tt.longest == 0 && last.Action == Serve {
			t.Errorf("%s: it is served", tt.field)
		}
	}
}

// TestLengthenedLifetimeDoesNotLengthenWhatComesAfter: the stale use that the
// origin allows counts from the lifetime that it gave.
func TestLengthenedLifetimeDoesNotLengthenWhatComesAfter(t *testing.T) {
	t.Parallel()
	r := newTTLRig(t, 2, "time")
	r.clock.advance(-2 * time.Hour)
	r.stockFor(t, "Cache-Control: max-age=100, stale-while-revalidate=80")
	for after, want := range map[time.Duration]string{
		149 * time.Second: "hit; ttl=1", 151 * time.Second: "hit; ttl=-51", 181 * time.Second: "fwd=stale",
	} {
		now := r.clock.Now()
		r.clock.advance(after)
		d := r.Begin(get("/"))
		if d.Refresh {
			d.EndRefresh()
		}
		if got := d.Outcome.String(); got != "ringcast; "+want {
			t.Errorf("after %v: %s, want %s", after, got, want)
		}
		r.clock.advance(now.Sub(r.clock.Now()))
	}
}
