package follow

import (
	"context"
	"errors"
	"io"
	"time"
)

const (
	// firstIdle is how long a stream may be silent until it has said how often
	// its heart beats.
	firstIdle = 30 * time.Second
	// missedBeats is how many heartbeats may be missed until the stream counts
	// as dead. It must exceed 1, for a heartbeat can be late.
	missedBeats = 3
	// minIdle keeps a very quick heart from making every hiccup a loss.
	minIdle = 2 * time.Second
)

// errIdle ends a stream that has been silent for too long.
var errIdle = errors.New("stream is silent: no heartbeat")

// idleReader ends the stream when one read waits for too long. Only the time in
// Read counts: while the edge is busy with what it has, silence says nothing.
type idleReader struct {
	r       io.Reader
	cancel  context.CancelCauseFunc
	timeout time.Duration
}

func newIdleReader(r io.Reader, cancel context.CancelCauseFunc) *idleReader {
	return &idleReader{r: r, cancel: cancel, timeout: firstIdle}
}

// Read implements io.Reader.
func (i *idleReader) Read(p []byte) (int, error) {
	timer := time.AfterFunc(i.timeout, func() { i.cancel(errIdle) })
	defer timer.Stop()
	return i.r.Read(p)
}

// heartbeat says how often the heart beats.
func (i *idleReader) heartbeat(every time.Duration) {
	i.timeout = max(missedBeats*every, minIdle)
}
