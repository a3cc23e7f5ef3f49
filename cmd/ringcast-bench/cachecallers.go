package main

import (
	"context"
	"fmt"
	"runtime"
	"time"
)

const (
	// answerTimeout is how long nothing may come back before a server counts as
	// stuck.
	answerTimeout = 10 * time.Second
	// tickEvery is how finely a rate is kept.
	tickEvery = 100 * time.Microsecond
	// maxBacklog bounds the requests that wait for a connection when a server does
	// not keep up with a rate.
	maxBacklog = 1 << 20
)

// callers ask one server over some connections, each for the next object once it
// has one (a closed loop), or together at a rate. All of it is one thread.
type callers struct {
	poll   *poller
	calls  []call
	ticker int
	buffer []byte
	next   func() object
	limits limits

	idle      []int
	backlog   []time.Time
	latencies []time.Duration
	sent      int64
	start     time.Time
	heard     time.Time
}

// limits end a load, whichever is reached first.
type limits struct {
	connections int
	time        time.Duration
	calls       int64
	// rate is in requests a second; 0 is as many as there can be.
	rate float64
}

// tally is what came of a load.
type tally struct {
	pace
	answers int
}

// call asks a server for objects. All that was asked is answered when it returns.
func (l limits) call(ctx context.Context, address string, bodies bodies, next func() object) (t tally, err error) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	c := &callers{limits: l, next: next, ticker: -1, buffer: make([]byte, maxObject), latencies: make([]time.Duration, 0, 1<<20)}
	defer c.close()
	if err := c.connect(address, bodies); err != nil {
		return t, err
	}
	if err := c.run(ctx); err != nil {
		return t, err
	}
	return tally{paceOf([][]time.Duration{c.latencies}, time.Since(c.start)), len(c.latencies)}, nil
}

func (c *callers) connect(address string, bodies bodies) (err error) {
	if c.poll, err = newPoller(); err != nil {
		return err
	}
	for i := range c.limits.connections {
		fd, err := dialRaw(address)
		if err != nil {
			return err
		}
		c.calls = append(c.calls, call{fd: fd, bodies: bodies})
		c.idle = append(c.idle, i)
		if err := c.poll.add(fd, i); err != nil {
			return fmt.Errorf("watch socket: %w", err)
		}
	}
	if c.limits.rate == 0 {
		return nil
	}
	if c.ticker, err = newTicker(tickEvery); err != nil {
		return err
	}
	return c.poll.add(c.ticker, len(c.calls))
}

func (c *callers) close() {
	for i := range c.calls {
		closeRaw(c.calls[i].fd)
	}
	if c.ticker >= 0 {
		closeRaw(c.ticker)
	}
	if c.poll != nil {
		_ = c.poll.close() // nothing is to come
	}
}

// run ends once all that was asked is answered.
func (c *callers) run(ctx context.Context) error {
	c.start = time.Now()
	c.heard = c.start
	for {
		now := time.Now()
		if err := c.ask(now); err != nil {
			return err
		}
		if len(c.idle) == len(c.calls) && c.over(now) {
			return nil
		}
		ready, err := c.poll.wait()
		if err != nil {
			return err
		}
		for _, i := range ready {
			if err := c.answer(i); err != nil {
				return err
			}
		}
		if err := ctx.Err(); err != nil {
			return err
		}
		if len(c.idle) < len(c.calls) && time.Since(c.heard) > answerTimeout {
			return fmt.Errorf("%d requests were not answered in %s", len(c.calls)-len(c.idle), answerTimeout)
		}
	}
}

func (c *callers) over(now time.Time) bool {
	return now.Sub(c.start) >= c.limits.time || c.sent >= c.limits.calls
}

// ask sends what is due on the connections that are free. What finds none waits,
// and its time counts from when it was due.
func (c *callers) ask(now time.Time) error {
	if c.limits.rate > 0 {
		return c.askDue(now)
	}
	for len(c.idle) > 0 && !c.over(now) {
		if err := c.send(now); err != nil {
			return err
		}
	}
	return nil
}

func (c *callers) askDue(now time.Time) error {
	if c.over(now) {
		c.backlog = nil // those that waited were as late as those before
		return nil
	}
	due := min(int64(c.limits.rate*now.Sub(c.start).Seconds()), c.limits.calls)
	for c.sent+int64(len(c.backlog)) < due && len(c.backlog) < maxBacklog {
		c.backlog = append(c.backlog, now)
	}
	for len(c.idle) > 0 && len(c.backlog) > 0 {
		if err := c.send(c.backlog[0]); err != nil {
			return err
		}
		c.backlog = c.backlog[1:]
	}
	return nil
}

func (c *callers) send(begun time.Time) error {
	if len(c.idle) == len(c.calls) {
		c.heard = time.Now() // nothing was to be heard before
	}
	last := len(c.idle) - 1
	i := c.idle[last]
	c.idle = c.idle[:last]
	c.sent++
	return c.calls[i].send(c.next(), begun)
}

func (c *callers) answer(i int) error {
	if i == len(c.calls) {
		var ticks [8]byte
		_, err := readRaw(c.ticker, ticks[:])
		return err
	}
	done, err := c.calls[i].receive(c.buffer)
	if err != nil {
		return err
	}
	c.heard = time.Now()
	if done {
		c.latencies = append(c.latencies, c.heard.Sub(c.calls[i].begun))
		c.idle = append(c.idle, i)
	}
	return nil
}
