package lane

import (
	"net"
	"net/http"
	"slices"
	"sync/atomic"
	"time"
)

// Conn is a connection whose plain requests the lane answers while net/http reads from
// it. All fields but state belong to whoever reads; net/http lets one do so at a time.
type Conn struct {
	net.Conn
	lane *Server
	// request has what all requests of the connection have in common. It is used again
	// for each.
	request *http.Request

	// gap: net/http has answered all that it was given, and waits for a request.
	gap bool
	// owed is how many of the next bytes belong to the request that net/http is at.
	owed int64
	// pending was read from the client and not yet given to net/http.
	pending []byte
	// fresh: net/http has had no request. It gets the first one: until then it takes the
	// connection for one that Shutdown is to wait for.
	fresh bool
	// posted: the last it had was a POST, after which it takes an empty line.
	posted bool
	// until is the deadline of the header that net/http was given last, which it would
	// give as long again; zero where it has all its time.
	until time.Time
	// rest answers the request that net/http was given last, where it was begun here.
	rest *rest
	// lingers: there is a write deadline, which net/http would not lift.
	lingers bool

	state atomic.Int32
}

// The states of a connection: answering while the lane has a request, closing when it
// is to be closed as soon as that has its answer.
const (
	open int32 = iota
	answering
	closing
)

// rest is how to go on with a request that was begun.
type rest struct {
	method, host, target string
	answer               http.HandlerFunc
}

// Read implements net.Conn for net/http: in a gap it answers what it can, and gives
// the first request that it cannot answer. It never gives a byte of the next before net/http
// is done with that.
func (c *Conn) Read(p []byte) (int, error) {
	switch {
	case c.gap:
		return c.next(p)
	case c.owed > 0:
		return c.deliver(p)
	}
	return c.watch(p)
}

// deliver gives what belongs to the request under way.
func (c *Conn) deliver(p []byte) (n int, err error) {
	p = p[:min(int64(len(p)), c.owed)]
	if len(c.pending) > 0 {
		n = copy(p, c.pending)
		c.pending = c.pending[n:]
	} else {
		n, err = c.Conn.Read(p)
	}
	c.owed -= int64(n)
	return n, err
}

// watch returns when the client has left, for net/http to end what it does for it, or
// when it has sent more, for net/http to stop watching.
func (c *Conn) watch(p []byte) (int, error) {
	if len(c.pending) > 0 {
		return 0, nil
	}
	n, err := c.Conn.Read(p[:1])
	c.pending = slices.Clone(p[:n])
	return 0, err
}

// idle is called when net/http is done with a request and goes on to the next. One
// that it left bytes of is not over.
func (c *Conn) idle() { c.gap = c.owed == 0 }

// next answers requests until one is for net/http. p is used for all of them.
func (c *Conn) next(p []byte) (int, error) {
	b := c.gather(p)
	var e extent
	for {
		v := e.scan(b.text())
		if v == incomplete && b.n < maxHead {
			err := b.fill(c)
			if err == nil {
				continue
			}
			if b.n == 0 {
				return 0, err
			}
			// net/http has the same error once it has read what there is.
		}
		if v != framed {
			e = extent{body: endless}
		} else if e.plain && !c.fresh && !c.posted {
			switch answered, err := c.answer(string(b.text()[:e.head])); {
			case err != nil:
				return 0, err
			case answered:
				b.drop(p, e.head)
				e = extent{}
				continue
			}
		}
		return c.hand(p, &b, &e)
	}
}

// hand gives net/http a request, with what else was read waiting for its turn.
func (c *Conn) hand(p []byte, b *buffer, e *extent) (int, error) {
	if b.n < begun {
		if err := b.time(c); err != nil {
			return 0, err
		}
	}
	if c.lingers {
		c.lingers = false
		if err := c.Conn.SetWriteDeadline(time.Time{}); err != nil {
			return 0, err
		}
	}
	c.until = b.until
	c.gap, c.fresh, c.posted, c.owed = false, false, e.post, int64(e.head)+e.body
	n := copy(p[:min(int64(len(p)), c.owed)], b.text())
	c.owed -= int64(n)
	c.pending = append([]byte(nil), b.text()[n:]...) // p is net/http's
	return n, nil
}

// answer answers a plain request, or begins it and leaves the rest to net/http. On an
// error the connection is of no use any more.
func (c *Conn) answer(head string) (answered bool, err error) {
	if !c.state.CompareAndSwap(open, answering) {
		return false, net.ErrClosed
	}
	defer func() {
		if !c.state.CompareAndSwap(answering, open) {
			err = c.lane.closeLate(c)
		}
	}()
	x := exchanges.Get().(*exchange)
	if x.read(c.request, head) != nil {
		x.free()
		return false, nil // net/http refuses it
	}
	x.writer.start(c.Conn, c.request.Method)
	answer := c.lane.handler.Begin(&x.writer, c.request)
	if answered = answer == nil; answered {
		c.lingers = true
		err = x.writer.end()
	} else {
		c.rest = &rest{c.request.Method, c.request.Host, c.request.RequestURI, answer}
	}
	x.free()
	return answered, err
}

// resume gives the rest of a request that was begun, nil where there is none.
func (c *Conn) resume(r *http.Request) http.HandlerFunc {
	begun := c.rest
	c.rest = nil
	if begun == nil || begun.method != r.Method || begun.host != r.Host || begun.target != r.RequestURI {
		return nil
	}
	return begun.answer
}

// SetReadDeadline implements net.Conn. What net/http sets first, after it was given a
// request, is for the header. From then on until is zero and not written: a handler may
// have several goroutines that set deadlines.
func (c *Conn) SetReadDeadline(t time.Time) error {
	if !c.until.IsZero() {
		if t.After(c.until) {
			t = c.until
		}
		c.until = time.Time{}
	}
	return c.Conn.SetReadDeadline(t)
}

// Close implements net.Conn. An answer under way ends first: Shutdown of net/http,
// which takes the connection for idle, closes it whenever it likes.
func (c *Conn) Close() error {
	if c.lane.later(c) {
		return nil
	}
	return c.Conn.Close()
}

// CloseWrite lets net/http end its side before the client's, as after a refusal of a
// request that goes on.
func (c *Conn) CloseWrite() error {
	if half, ok := c.Conn.(interface{ CloseWrite() error }); ok {
		return half.CloseWrite()
	}
	return nil
}
