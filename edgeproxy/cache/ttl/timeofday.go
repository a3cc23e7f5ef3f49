package ttl

import "time"

const (
	// peakFactor shortens while many look.
	peakFactor = 0.75
	// offPeakFactor lengthens while few do.
	offPeakFactor = 1.5
	// ramp is how long before and after the peak the factor takes from one value to
	// the other. Were it a step, all responses of an age between the two lifetimes
	// would become stale in the same instant, just as the peak begins.
	ramp = 30 * time.Minute
)

// timeOfDay shortens during the peak and lengthens away from it, by the clock on
// the wall in the zone.
func timeOfDay(peak hours, zone *time.Location) Rule {
	return func(c Context, lifetime time.Duration) time.Duration {
		h, m, s := c.Now.In(zone).Clock()
		clock := time.Duration(h)*time.Hour + time.Duration(m)*time.Minute + time.Duration(s)*time.Second
		share := float64(min(peak.away(clock), ramp)) / float64(ramp)
		return scale(lifetime, peakFactor+share*(offPeakFactor-peakFactor))
	}
}
