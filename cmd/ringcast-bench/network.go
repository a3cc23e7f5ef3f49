package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"
)

// networkBench measures what the network between the control plane and an edge does to
// propagation, to confirmation, and to the resume after a cut.
type networkBench struct {
	bans, rounds int
	down         time.Duration
	chart        string
	ringcast     ringcast

	banned int // so far
}

func networkCommand(s *session) *cobra.Command {
	n := new(networkBench)
	cmd := s.command("network", "Propagation, confirmation and resume over slow, jittery, narrow and broken links", n.run)
	cmd.Flags().IntVar(&n.bans, "bans", 25, "bans in a round of each link")
	cmd.Flags().IntVar(&n.rounds, "rounds", 3, "rounds of each link, with one cut each")
	cmd.Flags().DurationVar(&n.down, "down", 2*time.Second, "how long a cut lasts")
	cmd.Flags().StringVar(&n.chart, "svg", "", "a file for a picture of it")
	n.ringcast.bind(cmd)
	return cmd
}

func (n *networkBench) run(ctx context.Context, b *bench) (err error) {
	if n.bans < 1 || n.rounds < 1 || n.bans*n.rounds >= maxBanned/len(linkKinds()) || n.down <= 0 {
		return fmt.Errorf("%d bans, %d rounds, cuts of %s: there is nothing to measure", n.bans, n.rounds, n.down)
	}
	binary, err := n.ringcast.get(ctx, b)
	if err != nil {
		return err
	}
	fleet, err := startFleet(ctx, b, binary, 0)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, fleet.stop()) }()
	var sides []side[linkRound]
	for _, kind := range linkKinds() {
		sides = append(sides, side[linkRound]{kind.name, func(ctx context.Context) (linkRound, error) { return n.measure(ctx, b, fleet, kind) }})
	}
	outcomes, err := interleave(ctx, b, n.rounds, sides...)
	if err != nil {
		return err
	}
	figures := figuresOf(outcomes)
	if n.chart != "" {
		if err := os.WriteFile(n.chart, chartOf(figures, n.down), 0o644); err != nil {
			return fmt.Errorf("write picture: %w", err)
		}
	}
	return b.publish(n.table(figures))
}

// measure has an edge behind a link of a kind confirm bans, and then one that it is
// cut off from.
func (n *networkBench) measure(ctx context.Context, b *bench, fleet *fleet, kind linkKind) (r linkRound, err error) {
	link, err := startLink(fleet.control.url, kind)
	if err != nil {
		return r, err
	}
	defer link.stop()
	dir := filepath.Join(b.dir, fmt.Sprintf("edge-%d", n.banned))
	edge, err := startEdge(ctx, fleet.binary, dir, fleet.origin.url, link.url)
	if err != nil {
		return r, err
	}
	defer func() { err = errors.Join(err, edge.stop()) }()
	if _, err := edge.synced(ctx, fleet.head.Epoch, fleet.head.Position); err != nil {
		return r, err
	}
	c := newCaller(fleet.control.url)
	defer c.leave()
	for range n.bans {
		ban, err := n.ban(ctx, c, edge, nil)
		if err != nil {
			return r, err
		}
		r.bans = append(r.bans, ban)
	}
	r.cut, err = n.cut(ctx, c, edge, link)
	return r, err
}
