package main

import (
	"context"
	"errors"
	"fmt"
	"time"
)

const (
	// warmLimit is how long an edge may take until it serves what it had stored.
	warmLimit = 2 * time.Second
	// dialEvery is how often an edge that comes back is tried.
	dialEvery = time.Millisecond
)

// comeback is one restart, from the start of the process.
type comeback struct {
	// hit is when a stored response was served for the first time, ready when the
	// edge would get traffic.
	hit, ready time.Duration
	// found is the share of the entries that are served again.
	found float64
}

func (e *entries) restartAll(ctx context.Context) ([]outcome[comeback], error) {
	return interleave(ctx, e.bench, e.rounds,
		side[comeback]{"after SIGTERM", func(ctx context.Context) (comeback, error) { return e.restart(ctx, (*child).stop) }},
		side[comeback]{"after SIGKILL", func(ctx context.Context) (comeback, error) { return e.restart(ctx, (*child).kill) }},
	)
}

func (e *entries) restart(ctx context.Context, end func(*child) error) (r comeback, err error) {
	if err := end(e.edge.child); err != nil {
		return r, err
	}
	if err := e.startEdge(ctx); err != nil {
		return r, err
	}
	p, err := e.firstHit(ctx)
	if err != nil {
		return r, err
	}
	defer p.close()
	r.hit = time.Since(e.edge.started)
	if err := e.edge.until(ctx, e.edge.ready); err != nil {
		return r, err
	}
	r.ready = time.Since(e.edge.started)
	r.found, err = p.share(e.sample)
	return r, err
}

// firstHit waits until a stored response is served.
func (e *entries) firstHit(ctx context.Context) (*probe, error) {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	for {
		if p, err := dialProbe(ctx, e.edge.url); err == nil {
			if served, err := p.ask(e.sample[0]); err == nil && served {
				return p, nil
			}
			p.close()
		}
		select {
		case <-e.edge.done:
			return nil, fmt.Errorf("the edge has ended: %w: %s", e.edge.err, e.edge.said)
		case <-ctx.Done():
			return nil, errors.Join(errors.New("nothing that was stored is served"), ctx.Err())
		case <-time.After(dialEvery):
		}
	}
}

func (e *entries) restartTable(outcomes []outcome[comeback]) *table {
	t := newTable(fmt.Sprintf("%s entries on disk, from the start of the process", count(e.stored)),
		"first hit", "ready", "entries served again", "target")
	for _, o := range outcomes {
		hits := each(o.rounds, func(r comeback) time.Duration { return r.hit })
		t.add(o.name, spread(hits, duration),
			spread(each(o.rounds, func(r comeback) time.Duration { return r.ready }), duration),
			spread(each(o.rounds, func(r comeback) float64 { return r.found }), percent),
			target("< "+warmLimit.String(), median(hits) < warmLimit))
	}
	return t
}
