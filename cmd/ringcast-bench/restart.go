package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"
)

// restartLimit is how long an edge may take until it is ready again.
const restartLimit = 3 * time.Second

// restarts measures how soon an edge that knows many bans is back.
type restarts struct {
	bans, rounds int
	ringcast     ringcast

	fleet *fleet
	dir   string
	edge  *edge
}

func restartCommand(s *session) *cobra.Command {
	r := new(restarts)
	cmd := s.command("restart", "An edge with many bans that comes back after a stop and after a kill", r.run)
	cmd.Flags().IntVar(&r.bans, "bans", 1_000_000, "bans that the edge knows")
	cmd.Flags().IntVar(&r.rounds, "rounds", 5, "rounds of each side")
	r.ringcast.bind(cmd)
	return cmd
}

// restart is what one took, each from the start of the process.
type restart struct {
	answers, ready, indexed time.Duration
	watch                   watch
}

func (r *restarts) run(ctx context.Context, b *bench) (err error) {
	binary, err := r.ringcast.get(ctx, b)
	if err != nil {
		return err
	}
	if r.fleet, err = startFleet(ctx, b, binary, r.bans); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, r.fleet.stop()) }()
	r.dir = filepath.Join(b.dir, "edge")
	b.say("bringing the bans to the edge")
	if r.edge, err = r.fleet.edge(ctx, r.dir); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, r.edge.stop()) }()
	if _, err := r.fleet.synced(ctx, r.edge); err != nil {
		return err
	}
	outcomes, err := interleave(ctx, b, r.rounds,
		side[restart]{"after SIGTERM", func(ctx context.Context) (restart, error) { return r.measure(ctx, (*child).stop) }},
		side[restart]{"after SIGKILL", func(ctx context.Context) (restart, error) { return r.measure(ctx, (*child).kill) }},
	)
	if err != nil {
		return err
	}
	return b.publish(r.table(outcomes))
}

// measure ends the edge and starts it again, while clients ask.
func (r *restarts) measure(ctx context.Context, end func(*child) error) (result restart, err error) {
	if err := end(r.edge.child); err != nil {
		return restart{}, err
	}
	e, err := r.fleet.edge(ctx, r.dir)
	if err != nil {
		return restart{}, err
	}
	r.edge = e
	stop := watchEdge(ctx, e,
		client{from: allowedClient, want: http.StatusOK}, client{from: alwaysBanned, want: http.StatusForbidden})
	err = e.until(ctx, func() bool { return result.reached(e) })
	result.watch = stop()
	if err := errors.Join(err, result.watch.check()); err != nil {
		return restart{}, err
	}
	// An edge that is quick may be ready before the first client asks.
	result.answers = result.ready
	if first := result.watch.first; !first.IsZero() {
		result.answers = first.Sub(e.started)
	}
	return result, e.checkBans(r.fleet.bans)
}

// reached notes what the edge has come to, and tells whether that is all.
func (r *restart) reached(e *edge) bool {
	if r.ready == 0 && e.ready() {
		r.ready = time.Since(e.started)
	}
	if r.indexed == 0 && e.status().Indexed {
		r.indexed = time.Since(e.started)
	}
	return r.ready > 0 && r.indexed > 0
}

func (r *restarts) table(outcomes []outcome[restart]) *table {
	t := newTable(fmt.Sprintf("%s bans, from the start of the process", count(r.fleet.bans)),
		"answers", "ready", "index is built", "asked meanwhile", "target")
	for _, o := range outcomes {
		ready := each(o.rounds, func(r restart) time.Duration { return r.ready })
		asked := 0
		for _, round := range o.rounds {
			asked += round.watch.right
		}
		t.add(o.name,
			spread(each(o.rounds, func(r restart) time.Duration { return r.answers }), duration),
			spread(ready, duration),
			spread(each(o.rounds, func(r restart) time.Duration { return r.indexed }), duration),
			fmt.Sprintf("%s times, 0 wrong", count(asked)),
			target(fmt.Sprintf("ready ≤ %s", restartLimit), median(ready) <= restartLimit))
	}
	return t
}
