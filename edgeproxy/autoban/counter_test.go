package autoban

import (
	"hash/maphash"
	"net/netip"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"
)

// naive keeps the moment of every failure of one client.
type naive struct{ failures []time.Duration }

func (n *naive) within(now, span time.Duration) (count int) {
	for _, at := range n.failures {
		if now-at < span {
			count++
		}
	}
	return count
}

// TestWindow compares the counter with one that keeps every moment: a ban means that
// there were enough failures in the window, and enough in five sixths of it mean a ban.
// In between the naive counter of parts decides.
func TestWindow(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		limit := rapid.IntRange(1, 8).Draw(rt, "limit")
		const window = 60 * time.Second
		clock := &clock{}
		began := clock.now()
		c := newCounter(Config{Failures: limit, Window: window, For: time.Minute}, clock.now, 2)
		models := make([]naive, 3)
		for range rapid.IntRange(1, 120).Draw(rt, "failures") {
			clock.add(time.Duration(rapid.IntRange(0, 15_000).Draw(rt, "ms")) * time.Millisecond)
			who := rapid.IntRange(0, len(models)-1).Draw(rt, "who")
			now := clock.now().Sub(began)
			m := &models[who]
			m.failures = append(m.failures, now)
			ban, due := c.Failure(address(who))

			if most := m.within(now, window); due && most < limit {
				rt.Fatalf("a ban after %d failures, of %d", most, limit)
			}
			if least := m.within(now, window*5/6); !due && least >= limit {
				rt.Fatalf("no ban after %d failures, of %d", least, limit)
			}
			inParts := 0
			for _, at := range m.failures {
				if now/(window/windowParts)-at/(window/windowParts) < windowParts {
					inParts++
				}
			}
			if due != (inParts >= limit) {
				rt.Fatalf("ban %v after %d failures in the parts, of %d", due, inParts, limit)
			}
			if due {
				m.failures = nil
				c.Settle(ban, rapid.Bool().Draw(rt, "made"))
			}
		}
	})
}

func TestSubject(t *testing.T) {
	t.Parallel()
	keys, seed := map[uint64]string{}, maphash.MakeSeed()
	for addr, want := range map[string]string{
		"1.2.3.4": "1.2.3.4/32", "::ffff:1.2.3.4": "1.2.3.4/32", "255.255.255.255": "255.255.255.255/32", "0.0.0.0": "0.0.0.0/32",
		"2001:db8:1:2:3:4:5:6": "2001:db8:1:2::/64", "2001:db8:1:2::1%eth0": "2001:db8:1:2::/64", "3fff::1": "3fff::/64",
		"::1": "::1/128", "::102:304": "::102:304/128", "fe80::1%eth0": "fe80::1/128", "fe80::2": "fe80::2/128", "fd00:1::1": "fd00:1::1/128",
		"fd00:1::2": "fd00:1::2/128", "fc00:1::2": "fc00:1::2/128", "64:ff9b::9.9.9.9": "64:ff9b::909:909/128", "64:ff9b:1::9.9.9.9": "64:ff9b:1::909:909/128",
		"2001::1": "2001::1/128", "2001:0:1:2::3": "2001:0:1:2::3/128", "2002:909:909::1": "2002:909:909::/64",
		"224.0.0.1": "", "ffff:fffe:102:304::1": "", "ff02::1": "",
	} {
		parsed, err := netip.ParseAddr(addr)
		if err != nil {
			continue
		}
		key, prefix, ok := subject(seed, parsed)
		if ok != (want != "") || ok && prefix.String() != want {
			t.Errorf("%s: %s, %v", addr, prefix, ok)
		}
		if other, taken := keys[key]; ok && taken && other != want {
			t.Errorf("%s and %s have one key", want, other)
		}
		if again, _, _ := subject(seed, parsed); again != key {
			t.Errorf("%s: another key at the second time", addr)
		}
		if ok {
			keys[key] = want
		}
	}
	if _, _, ok := subject(seed, netip.Addr{}); ok {
		t.Error("the zero Addr is a client")
	}
}

// TestNoStrangerIsBanned where a /64 is not one subscriber's.
func TestNoStrangerIsBanned(t *testing.T) {
	t.Parallel()
	for _, network := range []string{"64:ff9b::", "64:ff9b:1::", "fe80::", "fd00::", "::", "2001::"} {
		c := NewCounter(Config{Failures: 3, Window: time.Minute, For: time.Hour}, time.Now)
		first := netip.MustParseAddr(network).Next()
		for addr := first; addr.As16()[15] < 100; addr = addr.Next() {
			if ban, due := c.Failure(addr); due {
				t.Errorf("%s: a ban of %s for one failure", addr, ban.Prefix)
			}
		}
		c.Failure(first)
		if ban, due := c.Failure(first); !due || ban.Prefix != netip.PrefixFrom(first, 128) {
			t.Errorf("%s: a ban of %s, %v", first, ban.Prefix, due)
		}
	}
}

// failUntilBanned gives the ban that the limit's last failure makes.
func failUntilBanned(t *testing.T, c *Counter, addr netip.Addr) Ban {
	t.Helper()
	for i := 1; ; i++ {
		ban, due := c.Failure(addr)
		if due != (i == c.cfg.Failures) {
			t.Fatalf("ban %v after %d failures", due, i)
		}
		if due {
			return ban
		}
	}
}

// TestGrowth lets days pass in no time.
func TestGrowth(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCounter(Config{Failures: 5, Window: time.Minute, For: time.Hour}, time.Now, 1)
		addr := netip.MustParseAddr("2001:db8::1")
		expect := func(want time.Duration) Ban {
			t.Helper()
			ban := failUntilBanned(t, c, addr)
			if ban.For != want || ban.Prefix.String() != "2001:db8::/64" || !ban.Start.Equal(time.Now()) {
				t.Errorf("%+v, want one for %s", ban, want)
			}
			return ban
		}
		for _, want := range []time.Duration{time.Hour, 2 * time.Hour, 4 * time.Hour, 8 * time.Hour, 16 * time.Hour, 32 * time.Hour, 64 * time.Hour, 128 * time.Hour, MaxFor, MaxFor} {
			ban := expect(want)
			c.Settle(ban, true)
			<-time.After(time.Until(ban.End()) + rememberFor - time.Second)
		}
		c.Settle(expect(MaxFor), true) // a day less a second after the end
		<-time.After(MaxFor + rememberFor)
		c.Settle(expect(time.Hour), true)
		<-time.After(time.Minute)
		c.Settle(expect(time.Hour), true) // it was lifted meanwhile, so it is not a repetition
		<-time.After(2 * time.Hour)
		c.Settle(expect(2*time.Hour), false) // and this one was not made
		c.Settle(expect(2*time.Hour), true)
		<-time.After(2 * time.Hour)
		expect(4 * time.Hour)
	})
}

// TestClockSetBack has a clock without a monotonic reading.
func TestClockSetBack(t *testing.T) {
	t.Parallel()
	clock := &clock{}
	c := newCounter(usual, clock.now, 1)
	clock.add(time.Hour)
	for range usual.Failures - 1 {
		c.Failure(address(1))
	}
	clock.add(-2 * time.Hour)
	if _, due := c.Failure(address(1)); !due {
		t.Error("setting the clock back made failures forgotten")
	}
}

// TestOneBanAtATime has many goroutines fail for a few clients: while a ban is pending
// there is no second, and no failure before it gets lost.
func TestOneBanAtATime(t *testing.T) {
	t.Parallel()
	const clients, workers, each = 5, 8, 3000
	c := newCounter(Config{Failures: 10, Window: time.Hour, For: time.Second}, time.Now, 1)
	var pending [clients]atomic.Int32
	var bans atomic.Int64
	var all sync.WaitGroup
	for range workers {
		all.Go(func() {
			for i := range each {
				who := i % clients
				ban, due := c.Failure(address(who))
				if !due {
					continue
				}
				if pending[who].Add(1) != 1 {
					t.Error("a second ban while one is pending")
				}
				bans.Add(1)
				pending[who].Add(-1)
				c.Settle(ban, true)
			}
		})
	}
	all.Wait()
	if n := bans.Load(); n < clients || n > workers*each/10 {
		t.Errorf("%d bans", n)
	}
	if c.Tracked() != clients {
		t.Errorf("%d clients are tracked", c.Tracked())
	}
}

func TestPendingCountsNothing(t *testing.T) {
	t.Parallel()
	c := newCounter(usual, time.Now, 1)
	ban := failUntilBanned(t, c, address(1))
	for range 100 {
		if _, due := c.Failure(address(1)); due {
			t.Fatal("a second ban while one is pending")
		}
	}
	c.Settle(ban, true)
	failUntilBanned(t, c, address(1))
}

func TestLastsInWholeSeconds(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		first time.Duration
		nth   uint8
		want  time.Duration
	}{
		{1500 * time.Millisecond, 1, 2 * time.Second}, {1500 * time.Millisecond, 2, 4 * time.Second},
		{MaxFor, 2, MaxFor}, {time.Second, maxOffences, MaxFor}, {time.Second, 255, MaxFor},
	} {
		if got := lasts(tt.first, tt.nth); got != tt.want {
			t.Errorf("the ban number %d after %s: %s, want %s", tt.nth, tt.first, got, tt.want)
		}
	}
	begin := time.Unix(1000, 1)
	if end := (Ban{Start: begin, For: time.Second}).End(); end.Unix() != 1002 || end.Nanosecond() != 0 {
		t.Errorf("a ban from %v ends at %v", begin, end)
	}
}

func TestConfig(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(*Config){
		"failures": func(c *Config) { c.Failures = MaxFailures + 1 }, "fewer failures": func(c *Config) { c.Failures = -1 },
		"window": func(c *Config) { c.Window = MinWindow - 1 }, "for": func(c *Config) { c.For = 0 }, "longer": func(c *Config) { c.For = MaxFor + 1 },
		"scope": func(c *Config) { c.Scope = "world" }, "status": func(c *Config) { c.Statuses = []int{404, 600} },
		"no control plane": func(c *Config) { c.Scope = ScopeFleet },
	} {
		cfg := usual
		change(&cfg)
		if _, err := New(cfg, Deps{Now: time.Now}); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
	if _, err := New(usual, Deps{Now: time.Now}); err != nil {
		t.Error(err)
	}
}
