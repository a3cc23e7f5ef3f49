package lane

import "time"

// maxHead bounds the header of a request that the lane looks at, in bytes: that much
// memory a client can take with one that it does not finish. What is longer is for
// net/http alone, and so is what follows it.
const maxHead = 16 << 10

// buffer holds what was read and not answered.
type buffer struct {
	space []byte
	n     int
	// answered: the deadline is of a time before the last answer.
	answered bool
	// until is the deadline of the header that has begun, zero where the lane set none.
	until time.Time
}

// gather begins with what was read already, in p if there is room.
func (c *Conn) gather(p []byte) buffer {
	b := buffer{space: p}
	if len(c.pending) > len(p) {
		b.space = make([]byte, maxHead)
	}
	b.n = copy(b.space, c.pending)
	c.pending = nil
	return b
}

func (b *buffer) text() []byte { return b.space[:b.n] }

// fill reads more from the client.
func (b *buffer) fill(c *Conn) error {
	if b.n == len(b.space) {
		b.space = append(make([]byte, 0, maxHead), b.text()...)[:maxHead]
	}
	if err := b.time(c); err != nil {
		return err
	}
	n, err := c.Conn.Read(b.space[b.n:])
	b.n += n
	if n > 0 {
		return nil
	}
	return err
}

// begun is how many bytes there must be for net/http to count a request as begun.
const begun = 4

// time gives a request as long as net/http does: one time until it has begun, and from
// then on another for its header. Until the lane has answered one the first is that which
// net/http set, and for the first request of a connection there is no other.
func (b *buffer) time(c *Conn) error {
	switch {
	case b.n < begun && b.answered:
		b.answered = false
		return c.Conn.SetReadDeadline(deadline(c.lane.server.IdleTimeout))
	case b.n >= begun && b.until.IsZero() && !c.fresh:
		b.until = deadline(c.lane.server.ReadHeaderTimeout)
		return c.Conn.SetReadDeadline(b.until)
	}
	return nil
}

// deadline is so far from now, and none where d is 0.
func deadline(d time.Duration) time.Time {
	if d <= 0 {
		return time.Time{}
	}
	return time.Now().Add(d)
}

// drop forgets what was answered, and memory that is not needed any more.
func (b *buffer) drop(p []byte, answered int) {
	rest := b.space[answered:b.n]
	if len(rest) <= len(p) {
		b.space = p
	}
	b.n = copy(b.space, rest)
	b.answered, b.until = true, time.Time{}
}
