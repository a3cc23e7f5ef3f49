package main

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// confirmedBan is a ban, when the last edge had read it, and when all were known to have
// it in force, where somebody waited.
type confirmedBan struct {
	accepted
	read, known time.Time
}

// confirming is a round of bans at simulated edges.
type confirming struct {
	bans []confirmedBan
	// cpu of the control plane for one ban.
	cpu time.Duration
}

// confirmSimulated compares the time until the last edge has read a ban with the time
// until it is known of all.
func (f *fleetBench) confirmSimulated(ctx context.Context, b *bench, fleet *fleet) (err error) {
	b.say("starting %d simulated edges", f.simulated)
	s, err := startSimulated(ctx, fleet.control.url, f.simulated)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.stop()) }()
	c := newCaller(fleet.control.url)
	defer c.leave()
	banned := 0
	round := func(wait bool) func(context.Context) (confirming, error) {
		return func(ctx context.Context) (r confirming, err error) {
			cpu, err := cpuSince(fleet.control.pid(), func() error {
				for range f.bans {
					banned++
					if err := r.ban(ctx, s, c, banned, wait); err != nil {
						return err
					}
				}
				return nil
			})
			r.cpu = cpu / time.Duration(f.bans)
			return r, err
		}
	}
	outcomes, err := interleave(ctx, b, f.rounds,
		side[confirming]{"nobody waits", round(false)},
		side[confirming]{"WaitApplied, all", round(true)},
	)
	if err != nil {
		return err
	}
	return b.publish(f.simulatedTable(outcomes))
}

func (r *confirming) ban(ctx context.Context, s *simulated, c *caller, n int, wait bool) error {
	var b confirmedBan
	var err error
	if b.accepted, err = c.ban(ctx, address(n)); err != nil {
		return err
	}
	if wait {
		if b.known, err = c.confirm(ctx, b.accepted, s.count); err != nil {
			return err
		}
	}
	b.read, err = s.lastRead(ctx, b.Position)
	r.bans = append(r.bans, b)
	return err
}

// cpuSince gives the CPU time that a process takes while something is done.
func cpuSince(pid int, do func() error) (time.Duration, error) {
	before, err := cpuOf(pid)
	if err != nil {
		return 0, err
	}
	if err := do(); err != nil {
		return 0, err
	}
	after, err := cpuOf(pid)
	return after - before, err
}

func (f *fleetBench) simulatedTable(outcomes []outcome[confirming]) *table {
	t := newTable(fmt.Sprintf("%s simulated edges, %d × %s bans; from a ban's acceptance", count(f.simulated), f.rounds, count(f.bans)),
		"p50", "p99", "p50 since it was sent", "against propagation alone", "control plane's CPU time, a ban")
	alone, asked := outcomes[0].rounds, outcomes[1].rounds
	read := func(c confirmedBan) time.Time { return c.read }
	row := func(name string, rounds []confirming, end func(confirmedBan) time.Time) {
		p50 := func(r confirming) time.Duration { return median(r.sinceAccepted(end)) }
		p99 := func(r confirming) time.Duration { return quantile(r.sinceAccepted(end), 0.99) }
		sent := each(rounds, func(r confirming) time.Duration { return median(r.sinceSent(end)) })
		base := each(alone, func(r confirming) time.Duration { return median(r.sinceSent(read)) })
		t.add(name, spread(each(rounds, p50), duration), spread(each(rounds, p99), duration), spread(sent, duration),
			spread(ratios(floats(sent), floats(base)), times), spread(each(rounds, func(r confirming) time.Duration { return r.cpu }), duration))
	}
	row("propagation alone: until the last edge has read it", alone, read)
	row("propagation while somebody waits", asked, read)
	row("until confirmed by all (WaitApplied)", asked, func(c confirmedBan) time.Time { return c.known })
	return t
}

func (r confirming) sinceAccepted(end func(confirmedBan) time.Time) []time.Duration {
	return each(r.bans, func(c confirmedBan) time.Duration { return end(c).Sub(c.at) })
}

func (r confirming) sinceSent(end func(confirmedBan) time.Time) []time.Duration {
	return each(r.bans, func(c confirmedBan) time.Duration { return end(c).Sub(c.sent) })
}

func floats(durations []time.Duration) []float64 {
	return each(durations, func(d time.Duration) float64 { return float64(d) })
}
