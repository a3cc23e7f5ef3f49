package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"
)

// importLimit is how long an import may take until every edge refuses all of it.
const importLimit = time.Minute

// imports measures a list of bans on its way from a file to all edges.
type imports struct {
	bans, edges, samples, rounds int
	ringcast                     ringcast

	binary, list string
}

func importCommand(s *session) *cobra.Command {
	i := new(imports)
	cmd := s.command("import", "A list of bans by ban --file, until every edge refuses all of it", i.run)
	cmd.Flags().IntVar(&i.bans, "bans", 1_000_000, "addresses in the list, in no order")
	cmd.Flags().IntVar(&i.edges, "edges", 3, "edges that follow")
	cmd.Flags().IntVar(&i.samples, "samples", 1000, "addresses of the list that each edge is asked for")
	cmd.Flags().IntVar(&i.rounds, "rounds", 3, "rounds, each with a new control plane and new edges")
	i.ringcast.bind(cmd)
	return cmd
}

// imported is what one round gave.
type imported struct {
	// What follows is since the start of the command: until it ended, until all edges
	// were level, and until each had refused its samples.
	command, level, refused time.Duration
	sampled                 int
	report                  importReport
	commandCPU, controlCPU  time.Duration
	edgeCPU                 time.Duration // of all edges
	control, edge           int64         // bytes of memory at the peak; of the largest edge
}

func (i *imports) run(ctx context.Context, b *bench) (err error) {
	if min(i.bans, i.edges, i.samples) < 1 || i.samples > i.bans {
		return fmt.Errorf("%d samples of %d addresses at %d edges: there is nothing to measure", i.samples, i.bans, i.edges)
	}
	if i.binary, err = i.ringcast.get(ctx, b); err != nil {
		return err
	}
	i.list = filepath.Join(b.dir, "list")
	if err := writeList(i.list, i.bans); err != nil {
		return fmt.Errorf("write list: %w", err)
	}
	outcomes, err := interleave(ctx, b, i.rounds, side[imported]{"import", func(ctx context.Context) (imported, error) { return i.measure(ctx, b) }})
	if err != nil {
		return err
	}
	return b.publish(i.table(outcomes[0].rounds))
}

// writeList writes one address a line.
func writeList(path string, n int) (err error) {
	file, err := os.Create(path)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	w := bufio.NewWriter(file)
	for i := range n {
		if _, err := fmt.Fprintln(w, address(i)); err != nil {
			return err
		}
	}
	return w.Flush()
}

// measure imports the list into a new control plane with new edges, which it drops.
func (i *imports) measure(ctx context.Context, b *bench) (result imported, err error) {
	small := &bench{session: b.session, dir: filepath.Join(b.dir, "round")}
	if err := os.Mkdir(small.dir, 0o700); err != nil {
		return imported{}, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(small.dir)) }()
	f, err := startFleet(ctx, small, i.binary, 0)
	if err != nil {
		return imported{}, err
	}
	defer func() { err = errors.Join(err, f.stop()) }()
	edges, err := f.edges(ctx, small.dir, i.edges, "--trusted-proxy", trustedProxy+"/32")
	defer func() { err = errors.Join(err, stopEdges(edges)) }()
	if err != nil {
		return imported{}, err
	}
	start := time.Now()
	result.report, result.commandCPU, err = banList(ctx, i.binary, f.control.grpc, i.list)
	result.command = time.Since(start)
	if err == nil {
		err = i.checkReport(f, result.report)
	}
	if err != nil {
		return imported{}, err
	}
	if err := i.await(ctx, f, edges, start, &result); err != nil {
		return imported{}, err
	}
	return result, result.cost(f, edges)
}

// cost notes what the processes have used.
func (r *imported) cost(f *fleet, edges []*edge) error {
	used, err := memoryOf(f.control.pid())
	if err != nil {
		return err
	}
	r.control = used.peak
	if r.controlCPU, err = cpuOf(f.control.pid()); err != nil {
		return err
	}
	for _, e := range edges {
		used, err := memoryOf(e.pid())
		if err != nil {
			return err
		}
		cpu, err := cpuOf(e.pid())
		if err != nil {
			return err
		}
		r.edge, r.edgeCPU = max(r.edge, used.peak), r.edgeCPU+cpu
	}
	return nil
}

func (i *imports) table(rounds []imported) *table {
	t := newTable(fmt.Sprintf("%s addresses, %d edges", count(i.bans), i.edges), "from the start of the command", "target")
	since := func(name, promise string, figure func(imported) time.Duration) {
		t.add(name, spread(each(rounds, figure), duration), promise)
	}
	refused := func(r imported) time.Duration { return r.refused }
	since("the command has ended", "", func(r imported) time.Duration { return r.command })
	t.add("bans accepted meanwhile", spread(each(rounds, func(r imported) float64 { return float64(i.bans) / r.command.Seconds() }), perSecond))
	since("all edges have all bans", "", func(r imported) time.Duration { return r.level })
	since("each edge has refused its samples", target("≤ "+importLimit.String(), median(each(rounds, refused)) <= importLimit), refused)
	t.add("samples, of which none passed", fmt.Sprintf("%d × %s", i.edges, count(rounds[0].sampled)), "0 wrong: met")
	t.add("lines refused", "0", "0: met")
	since("command's CPU time", "", func(r imported) time.Duration { return r.commandCPU })
	since("control plane's CPU time", "", func(r imported) time.Duration { return r.controlCPU })
	since("CPU time of all edges", "", func(r imported) time.Duration { return r.edgeCPU })
	t.add("control plane's memory at its peak", spread(each(rounds, func(r imported) int64 { return r.control }), megabytes))
	t.add("an edge's memory at its peak", spread(each(rounds, func(r imported) int64 { return r.edge }), megabytes))
	return t
}

func perSecond(n float64) string { return count(n) + "/s" }
