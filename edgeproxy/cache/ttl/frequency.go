package ttl

import "time"

const (
	// frequentVisits is how many requests within Window make a client one that is
	// seen often.
	frequentVisits = 20
	// frequentFactor lengthens for those who are seen often and behave.
	frequentFactor = 1.5
	// firstFactor shortens for those who come for the first time, so that what a
	// newcomer sees is newer. It also bounds what a flood of new addresses costs the
	// origin: a third more fetches.
	firstFactor = 0.75
	// toleratedFaults is how many requests there must be for each fault before a
	// client still behaves: a missing icon is forgiven, a scan for holes is not.
	toleratedFaults = 10
)

// frequency lengthens for clients that are seen often and behave, and shortens for
// those seen for the first time. A client that is not known at all, since nobody
// asks, changes nothing.
func frequency(c Context, lifetime time.Duration) time.Duration {
	v := c.Visits
	switch {
	case v.Count == 1:
		return scale(lifetime, firstFactor)
	case v.Count >= frequentVisits && !misbehaves(v):
		return scale(lifetime, frequentFactor)
	}
	return lifetime
}

// misbehaves says whether one in toleratedFaults of a client's answers, or more,
// were faults.
func misbehaves(v Visits) bool {
	return v.Faults > 0 && uint64(v.Faults)*toleratedFaults >= uint64(v.Count)
}
