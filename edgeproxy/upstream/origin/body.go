package origin

import (
	"context"
	"io"
	"net/http"
	"sync/atomic"
)

// body is the content of an answer, and gives its connection back.
type body struct {
	io.ReadCloser
	conn *conn
	ctx  context.Context
	// stop ends the watch for the end of ctx, which closes the connection.
	stop func() bool
	// keep: the connection may have another request after this one.
	keep bool
	// ended: the connection is not the body's any more.
	ended atomic.Bool
	// err is what the last Read gave; of the one goroutine that reads.
	err error
}

// Read implements io.Reader. Its error is the cause of the request's end, if that has
// ended.
func (b *body) Read(p []byte) (n int, err error) {
	switch {
	case b.err != nil:
		return 0, b.err
	case b.ended.Load():
		return 0, http.ErrBodyReadAfterClose
	}
	if n, err = b.ReadCloser.Read(p); err == nil {
		return n, nil
	}
	if err != io.EOF {
		err = orCause(b.ctx, err)
	}
	b.err = err
	b.end(err == io.EOF)
	return n, err
}

// Close implements io.Closer. A connection whose answer was not read to its end has the
// rest of it still to come and is closed. It can be called again, and during a Read.
func (b *body) Close() error {
	b.end(false)
	return nil
}

// end takes the connection away, once. What is left in the buffer after a whole answer
// belongs to no request: whoever sent it must not answer the next one with it.
func (b *body) end(whole bool) {
	if b.ended.Swap(true) {
		return
	}
	if running := b.stop(); running && whole && b.keep && b.conn.in.Buffered() == 0 {
		b.conn.idle.put(b.conn)
		return
	}
	b.conn.shut()
}
