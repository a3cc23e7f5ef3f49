package ttl

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"time"
)

const (
	// DefaultMaxFactor is the MaxFactor to offer.
	DefaultMaxFactor = 2
	// MaxFactorLimit is the highest MaxFactor. It stops one that was meant as a
	// percentage from keeping a day's response for most of a year.
	MaxFactorLimit = 10
	// DefaultPeak is Peak where that is empty.
	DefaultPeak = "08:00-22:00"
)

// Config says what a pipeline does. All of it is checked, the settings of rules
// that are not named too.
type Config struct {
	// Rules are the names of the rules, in the order in which they apply. None is
	// RFC 9111 to the letter.
	Rules []string
	// MaxFactor is how many times as long as its origin said a response may live,
	// whatever the rules say together; 1 to MaxFactorLimit.
	MaxFactor float64
	// Peak is the daily hours of the time rule, "08:00-22:00"; they may go past
	// midnight. Empty is DefaultPeak.
	Peak string
	// Zone is where the clock of Peak hangs, UTC where nil. LoadZone has zones by
	// name.
	Zone *time.Location
}

// Pipeline applies rules within limits. It may be used by many goroutines; nil is
// one without rules.
type Pipeline struct {
	rules     []Rule
	maxFactor float64
	// tracker is nil where no rule looks at visits.
	tracker *tracker
}

// New builds a pipeline. Its errors are sentences about the configuration.
func New(config Config) (*Pipeline, error) {
	if !(config.MaxFactor >= 1 && config.MaxFactor <= MaxFactorLimit) {
		return nil, fmt.Errorf("max factor %v of the TTL rules is not from 1 to %d", config.MaxFactor, MaxFactorLimit)
	}
	if config.Peak == "" {
		config.Peak = DefaultPeak
	}
	peak, err := parseHours(config.Peak)
	if err != nil {
		return nil, err
	}
	if config.Zone == nil {
		config.Zone = time.UTC
	}
	p := &Pipeline{maxFactor: config.MaxFactor}
	if err := p.add(config.Rules, definitions(peak, config.Zone)); err != nil {
		return nil, err
	}
	return p, nil
}

// add takes up the named rules.
func (p *Pipeline) add(names []string, known []definition) error {
	for i, name := range names {
		at := slices.IndexFunc(known, func(d definition) bool { return d.name == name })
		switch {
		case at < 0:
			return fmt.Errorf("unknown TTL rule %q: there are %s", name, strings.Join(Names(), ", "))
		case slices.Contains(names[:i], name):
			return fmt.Errorf("TTL rule %q is named twice: each of %s may be once", name, strings.Join(Names(), ", "))
		}
		p.rules = append(p.rules, known[at].rule)
		if known[at].visits && p.tracker == nil {
			p.tracker = newTracker()
		}
	}
	return nil
}

// Active says whether there are rules. Where there are none Lifetime gives what
// it is given, so that it need not be asked.
func (p *Pipeline) Active() bool { return p != nil && len(p.rules) > 0 }

// Lifetime is how long the response is fresh for the client that asks. Whatever
// the rules say it is at least 0, at most MaxFactor times c.Lifetime, and at most
// c.Lifetime unless c.Extend is set. The limits hold after each rule, so that one
// that shortens is not lost to an earlier one that overshot.
func (p *Pipeline) Lifetime(c Context) time.Duration {
	c.Lifetime = max(0, c.Lifetime)
	if !p.Active() {
		return c.Lifetime
	}
	limit := c.Lifetime
	if c.Extend {
		limit = scale(limit, p.maxFactor)
	}
	lifetime := c.Lifetime
	for _, rule := range p.rules {
		lifetime = min(max(0, rule(c, lifetime)), limit)
	}
	return lifetime
}

// Seen counts a request of the client and gives what Context.Visits wants. It is
// to be called once a request; where no rule looks at visits it does nothing.
func (p *Pipeline) Seen(client netip.Addr, now time.Time) Visits {
	if p == nil || p.tracker == nil {
		return Visits{}
	}
	return p.tracker.count(client, now, 1, 0)
}

// Misbehaved counts an answer of 400 to 499 to the client. Where no rule looks at
// visits it does nothing.
func (p *Pipeline) Misbehaved(client netip.Addr, now time.Time) {
	if p != nil && p.tracker != nil {
		p.tracker.count(client, now, 0, 1)
	}
}
