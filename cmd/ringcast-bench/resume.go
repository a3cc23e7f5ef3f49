package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/netip"
	"slices"
	"strconv"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/sync/errgroup"

	"github.com/ringcast/ringcast/controlplane"
	"github.com/ringcast/ringcast/controlplane/eventlog"
	"github.com/ringcast/ringcast/controlplane/eventlog/sqlite"
	"github.com/ringcast/ringcast/controlplane/ring"
	"github.com/ringcast/ringcast/controlplane/stream"
	"github.com/ringcast/ringcast/internal/wire"
)

// resumes compares streams that resume inside the ring with streams that resume
// at the same positions without a ring, from the log.
type resumes struct {
	behind, count, rounds int

	log  *countedLog
	head eventlog.Head
}

func resumeCommand(s *session) *cobra.Command {
	r := new(resumes)
	cmd := s.command("resume", "A stream's resume inside the ring, against the same from the log", r.run)
	cmd.Flags().IntVar(&r.behind, "behind", 1000, "most units that a reader has missed")
	cmd.Flags().IntVar(&r.count, "resumes", 500, "resumes in a round")
	cmd.Flags().IntVar(&r.rounds, "rounds", 5, "rounds of each side")
	return cmd
}

// resumeCost is what resumes took on average.
type resumeCost struct {
	took         time.Duration
	reads, bytes float64
}

func (r *resumes) run(ctx context.Context, b *bench) (err error) {
	var recent *ring.Ring
	var ringErr error
	log, err := sqlite.Open(ctx, sqlite.Config{Dir: b.dir, Committed: func(units []controlplane.Unit) {
		ringErr = errors.Join(ringErr, recent.Append(units))
	}})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, log.Close()) }()
	if r.head, err = log.Head(ctx); err != nil {
		return err
	}
	recent = ring.New(r.head.Epoch, r.head.Position, r.behind, 0)
	if err := r.fill(ctx, b, log); err != nil {
		return errors.Join(err, ringErr)
	}
	r.log = &countedLog{Log: log}
	outcomes, err := interleave(ctx, b, r.rounds,
		side[resumeCost]{"inside the ring", r.from(recent)},
		side[resumeCost]{"from the log", r.from(ring.New(r.head.Epoch, r.head.Position, r.behind, 0))},
	)
	if err != nil {
		return err
	}
	return b.publish(r.table(outcomes))
}

// fill appends units of one ban until the ring is full.
func (r *resumes) fill(ctx context.Context, b *bench, log eventlog.Log) (err error) {
	b.say("appending %d units", r.behind)
	group, appendCtx := errgroup.WithContext(ctx)
	group.SetLimit(fillers)
	for i := range r.behind {
		group.Go(func() error { return appendBans(appendCtx, log, []netip.Addr{address(i)}) })
	}
	if err := group.Wait(); err != nil {
		return err
	}
	r.head, err = log.Head(ctx)
	return err
}

// from measures resumes that a server of this ring gives.
func (r *resumes) from(recent *ring.Ring) func(context.Context) (resumeCost, error) {
	server := stream.New(stream.Config{Heartbeat: time.Minute}, r.log, recent)
	return func(ctx context.Context) (resumeCost, error) {
		before, sent := r.log.reads.Load(), 0
		random := rand.New(rand.NewPCG(1, 2)) // the same positions for both sides
		start := time.Now()
		for range r.count {
			n, err := r.resume(ctx, server, r.head.Position-uint64(random.IntN(r.behind)))
			if err != nil {
				return resumeCost{}, err
			}
			sent += n
		}
		resumes := float64(r.count)
		return resumeCost{
			took:  time.Since(start) / time.Duration(r.count),
			reads: float64(r.log.reads.Load()-before) / resumes,
			bytes: float64(sent) / resumes,
		}, nil
	}
}

// resume reads a stream from a position to the head, and gives its length.
func (r *resumes) resume(ctx context.Context, server http.Handler, position uint64) (int, error) {
	url := wire.EventsPath + "?" + wire.QueryNode + "=bench&" + wire.QueryFollow + "=false"
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return 0, err
	}
	req.Header.Set(wire.LastEventIDHeader, wire.Cursor{Epoch: r.head.Epoch, Position: position}.String())
	var answer streamAnswer
	server.ServeHTTP(&answer, req)
	if end := wire.AppendSynced(nil, wire.Synced{Position: r.head.Position}); !bytes.HasSuffix(answer.last, end) {
		return 0, fmt.Errorf("a stream from %d ends with %q, not with %q", position, answer.last, end)
	}
	return answer.length, nil
}

func (r *resumes) table(outcomes []outcome[resumeCost]) *table {
	t := newTable(fmt.Sprintf("resume, up to %s units behind", count(r.behind)), "time of the server", "bytes sent", "reads of the log", "target")
	for i, o := range outcomes {
		reads := each(o.rounds, func(c resumeCost) float64 { return c.reads })
		row := []string{
			o.name, spread(each(o.rounds, func(c resumeCost) time.Duration { return c.took }), duration),
			spread(each(o.rounds, func(c resumeCost) float64 { return c.bytes }), count),
			spread(reads, func(n float64) string { return strconv.FormatFloat(n, 'f', -1, 64) }),
		}
		if i == 0 {
			row = append(row, target("0 reads", slices.Max(reads) == 0))
		}
		t.add(row...)
	}
	gains := ratios(nanosecondsOf(outcomes[1].rounds), nanosecondsOf(outcomes[0].rounds))
	t.add("from the log, against the ring", spread(gains, times))
	return t
}

func nanosecondsOf(rounds []resumeCost) []float64 {
	return each(rounds, func(c resumeCost) float64 { return float64(c.took) })
}
