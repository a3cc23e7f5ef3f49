package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"
)

// fleetBench measures what it takes to know that a ban arrived: at many simulated
// edges, at some real ones, and of the control plane for a very large fleet.
type fleetBench struct {
	simulated, bans, rounds int
	real, realBans          int
	known                   int
	window                  time.Duration
	ringcast                ringcast
}

func fleetCommand(s *session) *cobra.Command {
	f := new(fleetBench)
	cmd := s.command("fleet", "Until all edges have confirmed a ban, and what their reports cost", f.run)
	cmd.Flags().IntVar(&f.simulated, "edges", 200, "simulated edges that confirm")
	cmd.Flags().IntVar(&f.bans, "bans", 100, "bans in a round of each side")
	cmd.Flags().IntVar(&f.rounds, "rounds", 3, "rounds of each side")
	cmd.Flags().IntVar(&f.real, "real", 5, "real edges that confirm")
	cmd.Flags().IntVar(&f.realBans, "real-bans", 200, "bans that real edges confirm")
	cmd.Flags().IntVar(&f.known, "known", 10_000, "edges that report every so often")
	cmd.Flags().DurationVar(&f.window, "time", 5*time.Second, "for how long reports are watched in a round; 5s is how often they are saved")
	f.ringcast.bind(cmd)
	return cmd
}

func (f *fleetBench) run(ctx context.Context, b *bench) error {
	if f.simulated < 1 || f.bans < 1 || f.real < 1 || f.realBans < 1 || f.known < 1 || f.realBans >= maxBanned {
		return fmt.Errorf("%d and %d edges, %d edges that report, %d and %d bans: there is nothing to measure", f.simulated, f.real, f.known, f.bans, f.realBans)
	}
	binary, err := f.ringcast.get(ctx, b)
	if err != nil {
		return err
	}
	for _, part := range []struct {
		name    string
		measure func(context.Context, *bench, *fleet) error
	}{
		{"simulated", f.confirmSimulated}, {"real", f.confirmReal}, {"reports", f.weighReports},
	} {
		if err := f.part(ctx, b, binary, part.name, part.measure); err != nil {
			return fmt.Errorf("%s: %w", part.name, err)
		}
	}
	return nil
}

// part measures one thing with a control plane of its own.
func (f *fleetBench) part(ctx context.Context, b *bench, binary, name string, measure func(context.Context, *bench, *fleet) error) (err error) {
	b, err = b.part(name)
	if err != nil {
		return err
	}
	fleet, err := startFleet(ctx, b, binary, 0)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, fleet.stop()) }()
	return measure(ctx, b, fleet)
}
