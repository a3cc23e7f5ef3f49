package cache

import (
	"context"
	"io"
	"time"
)

// reader reads a body as it grows, and counts as one who wants it.
type reader struct {
	ctx    context.Context
	flight *flight
	// offset, err and stalled, how long it has held up others, are guarded by the
	// fill's mu.
	offset  int64
	err     error
	stalled time.Duration
}

// Read waits for more where the body has not ended.
func (r *reader) Read(p []byte) (int, error) {
	for {
		n, changed, err := r.take(p)
		if n > 0 || err != nil || len(p) == 0 {
			return n, err
		}
		select {
		case <-changed:
		case <-r.ctx.Done():
			return 0, context.Cause(r.ctx)
		}
	}
}

func (r *reader) take(p []byte) (n int, changed <-chan struct{}, err error) {
	b := r.flight.fill
	b.mu.Lock()
	defer b.mu.Unlock()
	if r.err != nil {
		return 0, nil, r.err
	}
	if n = copy(p, b.data[r.offset-b.base:]); n > 0 {
		r.offset += int64(n)
		if b.base > 0 || len(b.data) == cap(b.data) {
			b.signal() // the writer may be waiting for space
		}
		return n, nil, nil
	}
	if b.end != nil {
		return 0, nil, b.end
	}
	return 0, b.wait(), nil
}

// Close ends the fetch where nobody else wants what it brings. It can be called again.
func (r *reader) Close() error {
	if r.flight.fill.remove(r, r.flight.cancel) {
		r.flight.cancel()
	}
	return nil
}

var _ io.ReadCloser = (*reader)(nil)
