// Package autoban bans the clients of an edge that fail too often: it counts the
// failures of each address in a sliding window, in memory that is bounded however
// many addresses attack, bans through the deny list that the wiring gives it, and
// can report the bans to the control plane, so that every edge has them.
//
// A client stands for its address, but an IPv6 client of the Internet for its /64: that
// is the least that a subscriber's network is given (RFC 6177, section 2), so that it
// has 2^64 addresses to fail from. Elsewhere a /64 is shared by strangers: it is a
// whole link, or has all of IPv4 in it.
package autoban

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"time"
)

// Limits of a configuration.
const (
	// MaxFailures is what a counter can hold; see record.
	MaxFailures = 255
	// MinWindow keeps the parts of a window long enough for a clock to tell apart.
	MinWindow = time.Second
	// MaxFor bounds how long a ban gets by repetition, so that an address that has
	// changed hands comes back without an operator.
	MaxFor = 7 * 24 * time.Hour
)

// Scope says how far an automatic ban reaches.
type Scope string

const (
	// ScopeLocal is this edge.
	ScopeLocal Scope = "local"
	// ScopeFleet is every edge: bans are reported to the control plane, too.
	ScopeFleet Scope = "fleet"
)

// Config says when to ban.
type Config struct {
	// Failures within Window, from one client, make a ban; at most MaxFailures, and 0
	// for none ever.
	Failures int
	// Window is at least MinWindow. A failure that is older never counts; one that is
	// younger than five sixths of it always does.
	Window time.Duration
	// For is how long the first ban of a client lasts, from a second to MaxFor. Each
	// that follows within a day of the end of the one before lasts twice as long, up
	// to MaxFor.
	For time.Duration
	// Statuses are those of answers that count as failures.
	Statuses []int
	// Scope is ScopeLocal where empty.
	Scope Scope
}

// Check gives what is wrong with the configuration, beginning with the field's name in
// lower case. Where it is switched off, nothing is.
func (c Config) Check() error {
	switch {
	case c.Failures == 0:
		return nil
	case c.Failures < 0 || c.Failures > MaxFailures:
		return fmt.Errorf("failures: %d is not between 0 and %d", c.Failures, MaxFailures)
	case c.Window < MinWindow:
		return fmt.Errorf("window: %s is shorter than %s", c.Window, MinWindow)
	case c.For < time.Second || c.For > MaxFor:
		return fmt.Errorf("for: %s is not between 1s and %s", c.For, MaxFor)
	case c.Scope != "" && c.Scope != ScopeLocal && c.Scope != ScopeFleet:
		return fmt.Errorf("scope: %q is neither %s nor %s", c.Scope, ScopeLocal, ScopeFleet)
	case slices.ContainsFunc(c.Statuses, func(status int) bool { return status < 100 || status > 599 }):
		return errors.New("statuses: a status is between 100 and 599")
	}
	return nil
}

// Ban is what the edge decides on.
type Ban struct {
	// Addr is the client whose failure was one too many.
	Addr netip.Addr
	// Prefix is what to ban: the address, or the /64 that the client stands for.
	Prefix netip.Prefix
	// Start is the moment of that failure.
	Start time.Time
	// For is how long the ban lasts, in whole seconds.
	For time.Duration

	offences uint8 // bans of the client in a row, this one included
}

// End is when the ban ends, a whole second.
func (b Ban) End() time.Time {
	end := b.Start.Add(b.For).Round(0)
	return end.Add(time.Second - 1).Truncate(time.Second)
}
