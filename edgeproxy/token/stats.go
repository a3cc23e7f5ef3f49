package token

import "sync/atomic"

// Stats are counts since the start.
type Stats struct {
	// Anonymous passed without a token, Verified by a signature, Remembered by one
	// checked before. Unverified passed where the mode is off.
	Anonymous, Verified, Remembered, Unverified uint64
	// Refused are those that did not pass, by reason.
	Refused map[Reason]uint64
	// Memory is how many tokens are remembered now.
	Memory int
	// KeysChanged, KeysUnchanged and KeysFailed count the fetches of a JWKS by their
	// outcome.
	KeysChanged, KeysUnchanged, KeysFailed uint64
	// Keys is how many keys are in force.
	Keys int
}

// manner is how a request came to its verdict.
type manner int

const (
	unchecked manner = iota // the mode is off
	looked                  // there was no token to verify
	verified                // by a signature
	recalled                // by the memory
	manners   = iota
)

// counts count the verdicts.
type counts struct {
	passed  [manners]atomic.Uint64
	refused [reasons]atomic.Uint64
}

func (c *counts) add(reason Reason, how manner) {
	if reason == Passed {
		c.passed[how].Add(1)
	} else {
		c.refused[reason].Add(1)
	}
}

// Stats gives the counts. It has an entry in Refused for each reason but Passed.
func (v *Verifier) Stats() Stats {
	set := v.ring.current.Load()
	s := Stats{
		Anonymous: v.counts.passed[looked].Load(), Verified: v.counts.passed[verified].Load(),
		Remembered: v.counts.passed[recalled].Load(), Unverified: v.counts.passed[unchecked].Load(),
		Refused: make(map[Reason]uint64, reasons), Memory: v.memory.len(),
		Keys: len(set.secret.keys) + len(set.public.keys),
	}
	for reason := NoToken; reason < reasons; reason++ {
		s.Refused[reason] = v.counts.refused[reason].Load()
	}
	if v.jwks != nil {
		c := &v.jwks.counts
		s.KeysChanged, s.KeysUnchanged, s.KeysFailed = c.changed.Load(), c.unchanged.Load(), c.failed.Load()
	}
	return s
}
