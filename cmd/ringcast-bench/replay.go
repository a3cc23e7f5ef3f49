package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/spf13/cobra"
)

// What a replay may take.
const (
	replayLimit  = 10 * time.Second
	replayMemory = 200_000_000 // bytes, of the control plane
)

// replays brings the whole state to edges: to a new one, and to one that has the
// state of another log, which it must enforce until the new one is complete.
type replays struct {
	bans, rounds int
	ringcast     ringcast

	fleet  *fleet
	old    string // data dir of an edge that knows another log
	dir    string // data dir of the edge that is measured
	before int64  // memory of the control plane before the first replay
}

func replayCommand(s *session) *cobra.Command {
	r := new(replays)
	cmd := s.command("replay", "The whole state to a new edge, and to one that has another", r.run)
	cmd.Flags().IntVar(&r.bans, "bans", 1_000_000, "bans in the log")
	cmd.Flags().IntVar(&r.rounds, "rounds", 3, "rounds of each side")
	r.ringcast.bind(cmd)
	return cmd
}

// replay is what one took.
type replay struct {
	took          time.Duration // from the edge's start until it was level
	control, edge memory
	watch         watch // for an edge that has an old state
}

func (r *replays) run(ctx context.Context, b *bench) (err error) {
	binary, err := r.ringcast.get(ctx, b)
	if err != nil {
		return err
	}
	if err := r.makeOld(ctx, b, binary); err != nil {
		return fmt.Errorf("make an edge with an old state: %w", err)
	}
	if r.fleet, err = startFleet(ctx, b, binary, r.bans, bannedByFullLog); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, r.fleet.stop()) }()
	r.dir = filepath.Join(b.dir, "edge")
	before, err := memoryOf(r.fleet.control.pid())
	if err != nil {
		return err
	}
	r.before = before.now
	outcomes, err := interleave(ctx, b, r.rounds,
		side[replay]{"new edge", r.toNew}, side[replay]{"edge with the state of another log", r.toOld})
	if err != nil {
		return err
	}
	return b.publish(r.table(outcomes))
}

// makeOld leaves the data dir of an edge that knows a log with one ban.
func (r *replays) makeOld(ctx context.Context, b *bench, binary string) (err error) {
	small := &bench{session: b.session, dir: filepath.Join(b.dir, "small")}
	if err := os.Mkdir(small.dir, 0o700); err != nil {
		return err
	}
	f, err := startFleet(ctx, small, binary, 0, formerlyBanned)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.stop()) }()
	r.old = filepath.Join(small.dir, "edge")
	e, err := f.edge(ctx, r.old)
	if err != nil {
		return err
	}
	_, err = e.synced(ctx, f.head.Epoch, f.head.Position)
	return errors.Join(err, e.stop())
}

func (r *replays) toNew(ctx context.Context) (replay, error) {
	return r.measure(ctx)
}

// toOld has a client that only the old log bans ask all the while. It must be
// refused until the new state is in force.
func (r *replays) toOld(ctx context.Context) (replay, error) {
	if err := os.CopyFS(r.dir, os.DirFS(r.old)); err != nil {
		return replay{}, fmt.Errorf("copy an edge's data dir: %w", err)
	}
	return r.measure(ctx, client{from: formerlyBanned, want: http.StatusForbidden})
}

// measure starts an edge, has clients ask it until it is level, and drops its dir.
func (r *replays) measure(ctx context.Context, clients ...client) (result replay, err error) {
	defer func() { err = errors.Join(err, os.RemoveAll(r.dir)) }()
	if err := forgetPeak(r.fleet.control.pid()); err != nil {
		return replay{}, err
	}
	e, err := r.fleet.edge(ctx, r.dir)
	if err != nil {
		return replay{}, err
	}
	defer func() { err = errors.Join(err, e.stop()) }()
	for i := range clients {
		clients[i].until = func() bool { return e.status().Epoch == r.fleet.head.Epoch }
	}
	end := watchEdge(ctx, e, clients...)
	result.took, err = r.fleet.synced(ctx, e)
	result.watch = end()
	if err := errors.Join(err, result.watch.check()); err != nil {
		return replay{}, err
	}
	if result.control, err = memoryOf(r.fleet.control.pid()); err != nil {
		return replay{}, err
	}
	result.edge, err = memoryOf(e.pid())
	return result, err
}

func (r *replays) table(outcomes []outcome[replay]) *table {
	t := newTable(fmt.Sprintf("%s bans", count(r.fleet.bans)),
		"from the edge's start until level", "control plane's memory, growth at its peak", "edge's memory at its peak", "asked meanwhile", "target")
	for _, o := range outcomes {
		took := each(o.rounds, func(r replay) time.Duration { return r.took })
		growth := each(o.rounds, func(p replay) int64 { return p.control.peak - r.before })
		t.add(o.name, spread(took, duration),
			fmt.Sprintf("%s, from %s", spread(growth, megabytes), megabytes(r.before)),
			spread(each(o.rounds, func(r replay) int64 { return r.edge.peak }), megabytes),
			asked(o.rounds),
			target(fmt.Sprintf("≤ %s, < %s", replayLimit, megabytes(replayMemory)),
				median(took) <= replayLimit && slices.Max(growth) < replayMemory))
	}
	return t
}

// asked counts the answers, of which a wrong one would have ended the benchmark.
func asked(rounds []replay) string {
	n := 0
	for _, r := range rounds {
		n += r.watch.right
	}
	if n == 0 {
		return "-"
	}
	return fmt.Sprintf("%s times, 0 wrong", count(n))
}
