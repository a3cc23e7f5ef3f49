package autoban

import "time"

// bucket limits a rate: it fills with rate tokens a second, up to burst, and gives one
// at a time. It belongs to one goroutine.
type bucket struct {
	rate, burst float64
	tokens      float64
	filled      time.Time
}

func newBucket(rate, burst float64, now time.Time) *bucket {
	return &bucket{rate: rate, burst: burst, tokens: burst, filled: now}
}

// take takes a token, and says how long to wait until it is there.
func (b *bucket) take(now time.Time) time.Duration {
	if passed := now.Sub(b.filled); passed > 0 {
		b.tokens = min(b.burst, b.tokens+b.rate*passed.Seconds())
		b.filled = now
	}
	b.tokens--
	return max(0, time.Duration(-b.tokens/b.rate*float64(time.Second)))
}
