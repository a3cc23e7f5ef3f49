package ttl

import (
	"math/rand/v2"
	"time"
)

// jitterSpread is the share of a lifetime over which expiries are spread.
const jitterSpread = 0.1

// jitter takes up to a tenth off, so that responses stored together do not expire
// together. How much is the entry's own and does not change between requests.
//
// It only shortens: where a response must not be lengthened the upper half of a
// spread to both sides would be cut off at one instant, the very thing to avoid.
func jitter(c Context, lifetime time.Duration) time.Duration {
	share := float64(rand.NewPCG(c.Seed, 0).Uint64()>>11) / (1 << 53)
	return scale(lifetime, 1-jitterSpread*share)
}
