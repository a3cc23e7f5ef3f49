package autoban

import (
	"net/netip"
	"time"
)

// Counter counts the failures of clients and says when one is to be banned. Its
// methods may be called by many goroutines; each takes the same short time however
// many clients there are.
//
// It forgets when the process ends: the bans made are in the state file, the counts
// and how often somebody was banned are not.
type Counter struct {
	cfg   Config
	now   func() time.Time
	start time.Time
	part  time.Duration
	table *table
}

// NewCounter makes a counter by the clock now, of whose readings differences count:
// with time.Now, setting the clock changes nothing. Window, Failures and For of cfg
// must be within their limits.
func NewCounter(cfg Config, now func() time.Time) *Counter { return newCounter(cfg, now, tableSets) }

func newCounter(cfg Config, now func() time.Time, sets int) *Counter {
	return &Counter{cfg: cfg, now: now, start: now(), part: cfg.Window / windowParts, table: newTable(sets)}
}

// moment gives the window's part and the second that now is in, both since the start.
func (c *Counter) moment(now time.Time) (part, sec uint32) {
	since := max(now.Sub(c.start), 0)
	return uint32(since/c.part) + windowParts, uint32(since / time.Second)
}

// Failure counts a failure of the client at addr. It gives the ban that this makes,
// and then counts no more of that client until Settle.
func (c *Counter) Failure(addr netip.Addr) (Ban, bool) {
	key, prefix, ok := subject(c.table.seed, addr)
	if !ok {
		return Ban{}, false
	}
	now := c.now()
	part, sec := c.moment(now)
	shard, set := c.table.set(key)
	shard.mu.Lock()
	defer shard.mu.Unlock()
	r := shard.claim(set, key, part, sec, c.cfg.Failures)
	if r.state == pending {
		return Ban{}, false
	}
	r.add(part)
	if r.failures(part) < c.cfg.Failures {
		return Ban{}, false
	}
	r.state = pending
	r.counts = [windowParts]uint8{}
	nth := r.offence(sec)
	return Ban{Addr: addr, Prefix: prefix, Start: now, For: lasts(c.cfg.For, nth), offences: nth}, true
}

// Settle ends what Failure began: failures of the client count again, from none on.
// made says that the ban came in force; one that follows soon on it lasts longer.
func (c *Counter) Settle(ban Ban, made bool) {
	key, _, _ := subject(c.table.seed, ban.Addr)
	_, sec := c.moment(ban.Start)
	shard, set := c.table.set(key)
	shard.mu.Lock()
	defer shard.mu.Unlock()
	r := find(set, key)
	if r == nil {
		return
	}
	r.state = counting
	if made {
		r.offences, r.until = ban.offences, sec+uint32(ban.For/time.Second)
	}
}

// Sweep makes room: it forgets clients without a failure in the window and without a
// ban to remember.
func (c *Counter) Sweep() {
	part, sec := c.moment(c.now())
	c.table.sweep(part, sec, c.cfg.Failures)
}

// Tracked counts the clients of whom something is known, as of the last Sweep.
func (c *Counter) Tracked() int { return c.table.used() }
