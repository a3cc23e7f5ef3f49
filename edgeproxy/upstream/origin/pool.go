package origin

import (
	"sync"
	"time"
)

// pool keeps idle connections for a time.
type pool struct {
	max     int
	timeout time.Duration

	mu sync.Mutex // guards the fields below
	// conns are those that wait, the latest last.
	conns []*conn
	// timer runs while there may be some.
	timer  *time.Timer
	closed bool
}

// take gives the connection that was used last, since the others are the first that
// the origin closes; nil where there is none.
func (p *pool) take() *conn {
	for {
		c := p.pop()
		if c == nil || c.probe.quiet() {
			return c
		}
		c.shut()
	}
}

func (p *pool) pop() *conn {
	p.mu.Lock()
	defer p.mu.Unlock()
	last := len(p.conns) - 1
	if last < 0 {
		return nil
	}
	c := p.conns[last]
	p.conns[last], p.conns = nil, p.conns[:last]
	return c
}

func (p *pool) put(c *conn) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed || len(p.conns) >= p.max {
		c.shut()
		return
	}
	c.since = time.Now()
	p.conns = append(p.conns, c)
	if p.timer == nil {
		p.timer = time.AfterFunc(p.timeout, p.expire)
	}
}

// expire closes the connections that waited for too long.
func (p *pool) expire() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for len(p.conns) > 0 && time.Since(p.conns[0].since) >= p.timeout {
		p.conns[0].shut()
		p.conns[0], p.conns = nil, p.conns[1:]
	}
	if p.timer = nil; len(p.conns) > 0 && !p.closed {
		p.timer = time.AfterFunc(p.timeout-time.Since(p.conns[0].since), p.expire)
	}
}

func (p *pool) close() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.closed = true
	if p.timer != nil {
		p.timer.Stop()
	}
	for _, c := range p.conns {
		c.shut()
	}
	p.conns = nil
}
