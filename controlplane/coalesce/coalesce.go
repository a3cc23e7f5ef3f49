// Package coalesce makes one event of invalidations that arrive close together.
//
// A site that changes a lot at once invalidates a lot at once, often the same. One
// event for all of it is one fsync of the log, one frame to each edge and one fence
// each for what is named twice. Every caller still has a request of its own in the
// log, with its id and audit record, and the event's position as the answer.
package coalesce

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/ringcast/ringcast/controlplane"
	"github.com/ringcast/ringcast/controlplane/eventlog"
)

// Config is what Invalidations need to know.
type Config struct {
	// Window is how long the first of a group waits for others; more than 0.
	Window time.Duration
	// Metrics registers ringcast_invalidate_group_size and
	// ringcast_invalidate_waiting; nil: nothing is counted.
	Metrics prometheus.Registerer
}

// Invalidations append to a log, those of equal Soft and Settle that arrive within
// a window of the first as one event. Each group has a goroutine, for which Close
// waits. The methods may be called concurrently.
type Invalidations struct {
	log     eventlog.Log
	window  time.Duration
	sizes   prometheus.Histogram
	waiting prometheus.Gauge

	// flushing is closed once nobody is to wait for others any more.
	flushing chan struct{}
	flushed  sync.Once
	// ctx is that of appends, which end with no caller's but with Close.
	ctx    context.Context
	cancel context.CancelFunc

	mu     sync.Mutex
	open   map[kind]*group // guarded by mu
	closed bool            // guarded by mu
	// groups are the goroutines; none is added once closed is set.
	groups sync.WaitGroup
}

// kind is what the invalidations of one event have in common.
type kind struct {
	soft   bool
	settle time.Duration
}

// New makes Invalidations that append to log. The error is that of a registerer
// that knows the metrics already.
func New(cfg Config, log eventlog.Log) (*Invalidations, error) {
	c := &Invalidations{
		log: log, window: cfg.Window, flushing: make(chan struct{}), open: make(map[kind]*group),
		sizes: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name:    "ringcast_invalidate_group_size",
			Help:    "Invalidations that became one event.",
			Buckets: prometheus.ExponentialBuckets(1, 2, 9), // up to maxMembers
		}),
		waiting: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "ringcast_invalidate_waiting",
			Help: "Invalidations that wait for others or for the log.",
		}),
	}
	if cfg.Metrics != nil {
		if err := errors.Join(cfg.Metrics.Register(c.sizes), cfg.Metrics.Register(c.waiting)); err != nil {
			return nil, fmt.Errorf("register metrics: %w", err)
		}
	}
	c.ctx, c.cancel = context.WithCancel(context.Background())
	return c, nil
}

// Append makes an invalidation, as NewInvalidation returns it, part of an event,
// and returns once that is durable, after the window and the log's append at the
// latest. The receipt is that of the event, or of an earlier one where the request
// is a repeat. The errors are those of eventlog.Log's Append. They concern this
// request alone, but for those of the log, which all that share the event get.
func (c *Invalidations) Append(ctx context.Context, i controlplane.Invalidation, r eventlog.Request) (eventlog.Receipt, error) {
	c.waiting.Inc()
	defer c.waiting.Dec()
	g, m, err := c.join(ctx, i, r)
	if err != nil {
		return eventlog.Receipt{}, err
	}
	select {
	case <-g.done:
		return m.receipt, m.err
	case <-ctx.Done():
		return eventlog.Receipt{}, ctx.Err()
	}
}

// join puts an invalidation into the open group of its kind, or begins one: the
// open one, if there is no room in it, goes ahead.
func (c *Invalidations) join(ctx context.Context, i controlplane.Invalidation, r eventlog.Request) (*group, *member, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return nil, nil, eventlog.ErrClosed
	}
	k := kind{i.Soft, i.Settle}
	g := c.open[k]
	if g == nil || !g.fits(i, r) {
		if g != nil {
			close(g.full)
		}
		g = newGroup()
		c.open[k] = g
		c.groups.Go(func() { c.run(k, g) })
	}
	return g, g.add(ctx, i, r), nil
}

// run is the life of a group.
func (c *Invalidations) run(k kind, g *group) {
	defer close(g.done)
	window := time.NewTimer(c.window)
	defer window.Stop()
	select {
	case <-window.C:
	case <-g.full:
	case <-c.flushing:
	}
	c.shut(k, g)
	c.commit(g.present())
}

// shut lets nobody more into a group.
func (c *Invalidations) shut(k kind, g *group) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.open[k] == g {
		delete(c.open, k)
	}
}

// commit appends one event for all members, or for those that are left once the
// ones whose request ids were reused are refused.
func (c *Invalidations) commit(members []*member) {
	for len(members) > 0 {
		receipts, err := c.log.Append(c.ctx, union(members).Decide, requests(members)...)
		reused, ok := errors.AsType[*eventlog.ReusedError](err)
		if !ok {
			c.settle(members, receipts, err)
			return
		}
		members = refuse(members, reused)
	}
}

// settle gives each member its answer.
func (c *Invalidations) settle(members []*member, receipts []eventlog.Receipt, err error) {
	fresh := 0
	for index, m := range members {
		if err != nil {
			m.err = err
			continue
		}
		if m.receipt = receipts[index]; !m.receipt.Repeated {
			fresh++
		}
	}
	if fresh > 0 {
		c.sizes.Observe(float64(fresh))
	}
}

// Flush has nobody wait for others from now on: open groups are appended at once,
// and so is what comes later. It returns once the open groups have their answers,
// or with ctx's error. It is for a stop and can be called again.
func (c *Invalidations) Flush(ctx context.Context) error {
	groups := c.opened() // before they are shut
	c.flush()
	for _, g := range groups {
		select {
		case <-g.done:
		case <-ctx.Done():
			return fmt.Errorf("flush invalidations: %w", ctx.Err())
		}
	}
	return nil
}

func (c *Invalidations) flush() { c.flushed.Do(func() { close(c.flushing) }) }

func (c *Invalidations) opened() []*group {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Collect(maps.Values(c.open))
}

// Close ends the appends under way, whose outcome their callers will not know, and
// returns when nothing runs. Later invalidations fail with eventlog.ErrClosed. It
// can be called again.
func (c *Invalidations) Close() {
	c.mu.Lock()
	c.closed = true
	c.mu.Unlock()
	c.flush()
	c.cancel()
	c.groups.Wait()
}
