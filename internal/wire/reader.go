package wire

import "time"

// MaxUnitEvents bounds the events of a unit for those who read the stream, so
// that one that never ends cannot fill the memory. It leaves room for control
// planes that allow more than this one.
const MaxUnitEvents = 10_000

const (
	// FirstSilence is how long a stream may be silent until it has said how often
	// its heart beats. A connection that died without a word is noticed by it.
	FirstSilence = 30 * time.Second
	// missedBeats is how many heartbeats may be missed until the stream counts as
	// dead. It must exceed 1, for a heartbeat can be late.
	missedBeats = 3
	// minSilence keeps a very quick heart from making every hiccup a loss, and
	// maxSilence one that never beats from hiding a loss for good.
	minSilence = 2 * time.Second
	maxSilence = 24 * time.Hour
)

// Silence is how long the stream may be silent until it counts as dead.
func (c Connected) Silence() time.Duration {
	seconds := missedBeats * c.HeartbeatSeconds
	return time.Duration(min(max(seconds, minSilence.Seconds()), maxSilence.Seconds()) * float64(time.Second))
}
