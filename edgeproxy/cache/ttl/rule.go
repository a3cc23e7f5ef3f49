package ttl

import (
	"math"
	"time"
)

// Rule gives the lifetime for the asking client, from the one that the rules before
// it arrived at. It is pure: same arguments, same result, and safe for many
// goroutines. The pipeline holds the result within its limits, so that a rule may
// return anything.
type Rule func(c Context, lifetime time.Duration) time.Duration

// Context is what a rule may look at.
type Context struct {
	// Now is the time of the request.
	Now time.Time
	// Lifetime is the freshness lifetime of RFC 9111, section 4.2.1. Nothing below 0
	// has a meaning; it is taken as 0.
	Lifetime time.Duration
	// Extend lets the rules pass Lifetime. It belongs to responses whose origin said
	// nothing that a longer life would break: no s-maxage, no targeted field (RFC
	// 9213), no must-revalidate, proxy-revalidate, no-cache or private.
	Extend bool
	// Visits is what Seen said of the client; zero where nobody asks, as for a
	// preload.
	Visits Visits
	// Seed is a hash of the stored response, the same for as long as it is stored.
	Seed uint64
}

// definition is a rule as the configuration knows it.
type definition struct {
	name string
	rule Rule
	// visits: the rule looks at Context.Visits.
	visits bool
}

// definitions is the list of all rules. A new one is a file and a line here.
func definitions(peak hours, zone *time.Location) []definition {
	return []definition{
		{name: "frequency", rule: frequency, visits: true},
		{name: "time", rule: timeOfDay(peak, zone)},
		{name: "jitter", rule: jitter},
	}
}

// Names lists the rules that a Config may name.
func Names() []string {
	var names []string
	for _, d := range definitions(hours{}, time.UTC) {
		names = append(names, d.name)
	}
	return names
}

// scale multiplies a lifetime, which is not negative, by a factor, which is not
// either. A factor of 1 changes no lifetime, however long; what a Duration cannot
// hold becomes the longest.
func scale(lifetime time.Duration, factor float64) time.Duration {
	change := float64(lifetime) * (factor - 1)
	if change >= float64(math.MaxInt64-lifetime) {
		return math.MaxInt64
	}
	return lifetime + time.Duration(change)
}
