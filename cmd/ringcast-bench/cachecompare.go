package main

import (
	"context"
	"errors"
	"fmt"
	"time"
)

const (
	// fillTimeout bounds how long a side may take to store a working set.
	fillTimeout = 3 * time.Minute
	// recallCount is how many of the latest misses are asked for again at most.
	recallCount = 200
	// equalPart is which part of what the slowest can do is asked of all.
	equalPart = 0.5
)

// comparison is one workload on all sides.
type comparison struct {
	*cacheCosts
	bench    *bench
	workload workload

	running []*cacheServer
	full    []outcome[cacheRound]
	equal   []outcome[cacheRound]
	rate    float64
}

// cacheRound is one round of one side.
type cacheRound struct {
	tally
	// cpu is the server's for one request.
	cpu time.Duration
	// serverShare and loadShare are how much of their CPUs they had; the load's is
	// with the origin.
	serverShare, loadShare float64
	// stored is the share of the requests that did not reach the origin, recalled the
	// same of objects that were missed just before.
	stored, recalled float64
}

func (m *comparison) run(ctx context.Context) (err error) {
	defer func() { err = errors.Join(err, m.stop()) }()
	for _, name := range present(m.bench) {
		if err := m.start(ctx, name); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
	}
	if m.full, err = m.takeTurns(ctx, 0); err != nil {
		return err
	}
	m.rate = m.equalRate()
	m.equal, err = m.takeTurns(ctx, m.rate)
	return err
}

func (m *comparison) stop() error {
	var errs []error
	for _, s := range m.running {
		errs = append(errs, s.stop())
	}
	return errors.Join(errs...)
}

// start brings up a side and stores the working set.
func (m *comparison) start(ctx context.Context, name string) error {
	s, err := m.servers.start(ctx, name, m.workload.room)
	if err != nil {
		return err
	}
	m.running = append(m.running, s)
	if n := len(m.workload.fill); n > 0 {
		m.bench.say("%s: storing %s objects in %s", m.workload.title, count(n), name)
		fill := limits{connections: m.connections, time: fillTimeout, calls: int64(n)}
		if _, err := fill.call(ctx, s.address, m.bodies, inTurn(m.workload.fill)); err != nil {
			return err
		}
	}
	if m.workload.warm {
		_, err = m.limits(0).call(ctx, s.address, m.bodies, m.workload.next(0))
	}
	return err
}

func (m *comparison) limits(rate float64) limits {
	return limits{connections: m.connections, time: m.time, calls: 1 << 40, rate: rate}
}

// rounds measures the sides in turn, all with the same load.
func (m *comparison) takeTurns(ctx context.Context, rate float64) ([]outcome[cacheRound], error) {
	var sides []side[cacheRound]
	for _, s := range m.running {
		round := uint64(0)
		sides = append(sides, side[cacheRound]{s.name, func(ctx context.Context) (cacheRound, error) {
			round++
			return m.measure(ctx, s, m.limits(rate), m.workload.next(round))
		}})
	}
	if rate == 0 && m.workload.key == "small" { // where requests are most
		sides = append(sides, side[cacheRound]{bareSide, m.measureBare})
	}
	m.bench.say("%s, %s", m.workload.title, describeRate(rate))
	return interleave(ctx, m.bench, m.rounds, sides...)
}

func describeRate(rate float64) string {
	if rate == 0 {
		return "as quickly as it goes"
	}
	return count(rate) + " requests a second"
}

func (m *comparison) measure(ctx context.Context, s *cacheServer, l limits, next func() object) (r cacheRound, err error) {
	before, err := s.cpu()
	if err != nil {
		return r, err
	}
	asked, missed, self, start := m.origin.asked.Load(), m.missed, cpuOfSelf(), time.Now()
	if r.tally, err = l.call(ctx, s.address, m.bodies, next); err != nil {
		return r, err
	}
	elapsed, load := time.Since(start), cpuOfSelf()-self
	after, err := s.cpu()
	if err != nil {
		return r, err
	}
	r.cpu = (after - before) / time.Duration(max(r.answers, 1))
	r.serverShare, r.loadShare = float64(after-before)/float64(elapsed), float64(load)/float64(elapsed)
	r.stored = 1 - float64(m.origin.asked.Load()-asked)/float64(max(r.answers, 1))
	if m.workload.misses {
		r.recalled, err = m.recall(ctx, s, min(m.missed-missed, recallCount))
	}
	return r, err
}

// recall asks for the latest n misses again and gives the share that was stored.
func (m *comparison) recall(ctx context.Context, s *cacheServer, n int) (float64, error) {
	latest := make([]object, n)
	for i := range latest {
		latest[i] = object{size: 1 << 10, id: m.missed - i}
	}
	asked := m.origin.asked.Load()
	l := limits{connections: 1, time: fillTimeout, calls: int64(len(latest))}
	_, err := l.call(ctx, s.address, m.bodies, inTurn(latest))
	return 1 - float64(m.origin.asked.Load()-asked)/float64(len(latest)), err
}

// equalRate is what all sides can do easily.
func (m *comparison) equalRate() float64 {
	slowest := median(each(m.full[0].rounds, rate))
	for _, o := range m.full {
		slowest = min(slowest, median(each(o.rounds, rate)))
	}
	return max(equalPart*slowest, 1)
}

// measureBare shows the limit of the load, in turn with the others: what the
// machine does besides must meet it as well.
func (m *comparison) measureBare(ctx context.Context) (r cacheRound, err error) {
	o := object{size: 1 << 10}
	s, err := startBare(m.servers.cpu, m.connections, o, m.bodies)
	if err != nil {
		return r, err
	}
	defer func() { err = errors.Join(err, s.stop()) }()
	r.tally, err = m.limits(0).call(ctx, s.address, m.bodies, func() object { return o })
	return r, err
}
