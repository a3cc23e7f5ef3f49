package sse

import (
	"errors"
	"io"
	"time"
)

// ErrSilent ends an [IdleReader] whose source has been silent for too long.
var ErrSilent = errors.New("silent for too long")

// IdleReader reads from a source that should never be silent for long, such as
// a stream with heartbeats. Only the time spent in Read counts: while the caller
// is busy with what it has, silence says nothing.
//
// Its methods are for one goroutine.
type IdleReader struct {
	source  io.Reader
	timeout time.Duration
	end     func()
	silent  bool
}

// NewIdleReader returns a reader in which one read waits for timeout at the
// most. After that it calls end, from another goroutine, which must make the
// waiting read return, and reads fail with ErrSilent.
func NewIdleReader(source io.Reader, timeout time.Duration, end func()) *IdleReader {
	return &IdleReader{source: source, timeout: timeout, end: end}
}

// SetTimeout changes how long the next reads may wait.
func (r *IdleReader) SetTimeout(timeout time.Duration) { r.timeout = timeout }

// Read implements io.Reader.
func (r *IdleReader) Read(p []byte) (int, error) {
	timer := time.AfterFunc(r.timeout, r.end)
	n, err := r.source.Read(p)
	r.silent = !timer.Stop() || r.silent
	if err != nil && r.silent {
		err = ErrSilent
	}
	return n, err
}
