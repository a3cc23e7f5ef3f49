package main

import (
	"cmp"
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
	// controlCPU and edgeCPU are what it cost, the edge's start included.
	controlCPU, edgeCPU time.Duration
	watch               watch // what clients got meanwhile
	// mixed is how long before the new state was in force the first answer came
	// that the old one would not have given.
	mixed time.Duration
}

func (r *replays) run(ctx context.Context, b *bench) (err error) {
	binary, err := r.ringcast.get(ctx, b)
	if err != nil {
		return err
	}
	if err := r.makeOld(ctx, b, binary); err != nil {
		return fmt.Errorf("make an edge with an old state: %w", err)
	}
	if r.fleet, err = startFleet(ctx, b, binary, r.bans); err != nil {
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

// makeOld leaves the data dir of an edge that knows a log with two bans.
func (r *replays) makeOld(ctx context.Context, b *bench, binary string) (err error) {
	small := &bench{session: b.session, dir: filepath.Join(b.dir, "small")}
	if err := os.Mkdir(small.dir, 0o700); err != nil {
		return err
	}
	f, err := startFleet(ctx, small, binary, 0, alwaysBanned, formerlyBanned)
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

// toOld has two clients ask all the while: one that both logs ban, which must be
// refused throughout, and one that the old log alone bans, which must be refused
// until the new state is committed.
func (r *replays) toOld(ctx context.Context) (replay, error) {
	if err := os.CopyFS(r.dir, os.DirFS(r.old)); err != nil {
		return replay{}, fmt.Errorf("copy an edge's data dir: %w", err)
	}
	return r.measure(ctx,
		client{from: alwaysBanned, want: http.StatusForbidden},
		client{from: formerlyBanned, want: http.StatusForbidden, then: http.StatusOK})
}

// measure starts an edge, has clients ask it until it is level, and drops its dir.
func (r *replays) measure(ctx context.Context, clients ...client) (result replay, err error) {
	defer func() { err = errors.Join(err, os.RemoveAll(r.dir)) }()
	if err := forgetPeak(r.fleet.control.pid()); err != nil {
		return replay{}, err
	}
	controlBefore, err := cpuOf(r.fleet.control.pid())
	if err != nil {
		return replay{}, err
	}
	e, err := r.fleet.edge(ctx, r.dir)
	if err != nil {
		return replay{}, err
	}
	defer func() { err = errors.Join(err, e.stop()) }()
	end := watchEdge(ctx, e, clients...)
	result.took, err = r.fleet.synced(ctx, e)
	result.watch = end()
	if changed := result.watch.changed; !changed.IsZero() {
		result.mixed = e.started.Add(result.took).Sub(changed)
	}
	if err := errors.Join(err, result.watch.check()); err != nil {
		return replay{}, err
	}
	err = result.cost(r.fleet.control.pid(), e.pid())
	result.controlCPU -= controlBefore
	return result, err
}

// cost notes what the processes have used so far.
func (r *replay) cost(control, edge int) error {
	var errs [4]error
	r.control, errs[0] = memoryOf(control)
	r.edge, errs[1] = memoryOf(edge)
	r.controlCPU, errs[2] = cpuOf(control)
	r.edgeCPU, errs[3] = cpuOf(edge)
	return errors.Join(errs[:]...)
}

func (r *replays) table(outcomes []outcome[replay]) *table {
	t := newTable(fmt.Sprintf("%s bans", count(r.fleet.bans)), outcomes[0].name, outcomes[1].name, "target")
	row := func(name string, figure func([]replay) string, promise string) {
		t.add(name, figure(outcomes[0].rounds), figure(outcomes[1].rounds), promise)
	}
	all := slices.Concat(outcomes[0].rounds, outcomes[1].rounds)
	growth := func(p replay) int64 { return p.control.peak - r.before }
	took := func(p replay) time.Duration { return p.took }
	row("from the edge's start until level", figures(took, duration),
		target("≤ "+replayLimit.String(), median(each(outcomes[0].rounds, took)) <= replayLimit))
	row("control plane's memory at its peak, over "+megabytes(r.before)+" before", figures(growth, megabytes),
		target("< "+megabytes(replayMemory), slices.Max(each(all, growth)) < replayMemory))
	row("edge's memory at its peak", figures(func(p replay) int64 { return p.edge.peak }, megabytes), "")
	row("control plane's CPU time", figures(func(p replay) time.Duration { return p.controlCPU }, duration), "")
	row("edge's CPU time", figures(func(p replay) time.Duration { return p.edgeCPU }, duration), "")
	row("answers of the edge meanwhile", asked, "0 wrong: met")
	row("first answer by the new state, before it was level", mixed, "")
	return t
}

// figures prints one figure of the rounds.
func figures[T cmp.Ordered](figure func(replay) T, format func(T) string) func([]replay) string {
	return func(rounds []replay) string { return spread(each(rounds, figure), format) }
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
	return count(n) + ", 0 wrong"
}

func mixed(rounds []replay) string {
	if rounds[0].watch.changed.IsZero() {
		return "-"
	}
	return spread(each(rounds, func(r replay) time.Duration { return r.mixed }), duration)
}
