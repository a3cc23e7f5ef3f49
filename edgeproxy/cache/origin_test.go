package cache

import (
	"context"
	"io"
	"sync/atomic"
	"testing"
	"testing/synctest"
)

// heldFetch is an origin that answers when it is told to.
type heldFetch struct {
	asked  chan struct{}
	answer chan *Response
	count  atomic.Int64
}

func newHeldFetch() *heldFetch {
	return &heldFetch{asked: make(chan struct{}, 100), answer: make(chan *Response, 100)}
}

func (h *heldFetch) fetch(ctx context.Context, _ Question) (*Response, error) {
	h.count.Add(1)
	h.asked <- struct{}{}
	select {
	case r := <-h.answer:
		return r, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// stream is a body that is written by hand.
func stream(lines ...string) (*Response, *io.PipeWriter) {
	r, w := io.Pipe()
	return &Response{Status: 200, Header: fieldsOf(lines...), Body: r, Length: -1}, w
}

func write1(t *testing.T, w *io.PipeWriter, s string) {
	t.Helper()
	if _, err := io.WriteString(w, s); err != nil {
		t.Error(err)
	}
	synctest.Wait()
}

// closeCounter is a body that notes its end.
type closeCounter struct {
	io.Reader
	closed int
}

func (c *closeCounter) Close() error { c.closed++; return nil }
