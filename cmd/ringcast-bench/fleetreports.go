package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"
)

const (
	// reportLimit is the part of a core that the reports of a large fleet may take.
	reportLimit = 0.1
	// reportCallers is how many reports may be under way at once: on these connections
	// all edges report.
	reportCallers = 16
	// reportsSaved is how often a control plane saves reports.
	reportsSaved = 5 * time.Second
)

// reportRound is what a control plane took meanwhile.
type reportRound struct {
	reports int64
	elapsed time.Duration
	cpu     time.Duration
}

func (r reportRound) cores() float64 { return r.cpu.Seconds() / r.elapsed.Seconds() }

// reporters are edges without streams that report, as often as they are told to.
type reporters struct {
	control *control
	known   int
	epoch   string
	head    uint64
	start   time.Time
	// after is how often each edge is to report.
	after time.Duration
	// sent counts the reports of all.
	sent atomic.Int64
}

// weighReports compares a control plane whose edges report with one whose edges do not.
func (f *fleetBench) weighReports(ctx context.Context, b *bench, fleet *fleet) error {
	r := &reporters{control: fleet.control, known: f.known, epoch: fleet.head.Epoch, head: fleet.head.Position, start: time.Now()}
	b.say("making %d edges known", f.known)
	if err := r.join(ctx); err != nil {
		return err
	}
	b.say("each reports every %s", r.after)
	outcomes, err := interleave(ctx, b, f.rounds,
		side[reportRound]{"nobody reports", func(ctx context.Context) (reportRound, error) {
			pause(ctx, reportsSaved) // what was reported before is saved by then
			return r.weigh(ctx, f.window, nil)
		}},
		side[reportRound]{"reports on connections that are kept", func(ctx context.Context) (reportRound, error) {
			return r.weigh(ctx, f.window, reportTransport(true))
		}},
		side[reportRound]{"reports on a connection each, as edges do", func(ctx context.Context) (reportRound, error) {
			return r.weigh(ctx, f.window, reportTransport(false))
		}},
	)
	if err != nil {
		return err
	}
	s, err := r.countSyncs(ctx, b)
	if err != nil {
		return err
	}
	return b.publish(r.table(outcomes, s))
}

func reportTransport(kept bool) *http.Transport {
	return &http.Transport{DisableKeepAlives: !kept, MaxIdleConnsPerHost: reportCallers, MaxConnsPerHost: reportCallers}
}

// join has every edge report once, and learns how often each is to report from then on.
func (r *reporters) join(ctx context.Context) error {
	transport := reportTransport(true)
	defer transport.CloseIdleConnections()
	client := &http.Client{Transport: transport, Timeout: askTimeout}
	group, limited := errgroup.WithContext(ctx)
	group.SetLimit(reportCallers)
	for range r.known {
		group.Go(func() error { _, err := r.report(limited, client); return err })
	}
	if err := group.Wait(); err != nil {
		return err
	}
	after, err := r.report(ctx, client)
	if err == nil && after <= 0 {
		err = fmt.Errorf("the control plane asks for reports every %s", after)
	}
	r.after = after
	return err
}

// report is the next edge's.
func (r *reporters) report(ctx context.Context, client *http.Client) (after time.Duration, err error) {
	n := r.sent.Add(1)
	name := "known-" + strconv.FormatInt(n%int64(r.known), 10)
	message := map[string]any{
		"instance": name + "-instance", "epoch": r.epoch, "position": strconv.FormatUint(r.head, 10), "in_force_for": "12.345678s",
		"version": "bench", "staleness": "0.250000s", "start_time": r.start.UTC(), "sequence": strconv.FormatInt(n, 10),
		"counts": map[string]string{"bans": "1000000", "allows": "12", "revocations": "34567", "cache_entries": "890123"},
	}
	var answer struct {
		After string `json:"report_after"`
	}
	c := caller{r.control.url, client}
	if _, err := c.post(ctx, "/v1/edges/"+name+":report", message, &answer); err != nil {
		return 0, err
	}
	return time.ParseDuration(answer.After)
}

// weigh has edges report at their pace for a time; transport is nil where they do not.
func (r *reporters) weigh(ctx context.Context, window time.Duration, transport *http.Transport) (result reportRound, err error) {
	before, start := r.sent.Load(), time.Now()
	result.cpu, err = cpuSince(r.control.pid(), func() error {
		if transport == nil {
			pause(ctx, window)
			return ctx.Err()
		}
		defer transport.CloseIdleConnections()
		return r.keepReporting(ctx, window, &http.Client{Transport: transport, Timeout: askTimeout})
	})
	result.elapsed, result.reports = time.Since(start), r.sent.Load()-before
	return result, err
}

// keepReporting sends as many reports in a window as are due in it, spread evenly.
func (r *reporters) keepReporting(ctx context.Context, window time.Duration, client *http.Client) error {
	group, limited := errgroup.WithContext(ctx)
	group.SetLimit(reportCallers)
	start, due := time.Now(), int(window.Seconds()/r.after.Seconds()*float64(r.known))
	for i := range due {
		pause(limited, time.Until(start.Add(time.Duration(i)*window/time.Duration(due))))
		if limited.Err() != nil {
			break
		}
		group.Go(func() error { _, err := r.report(limited, client); return err })
	}
	pause(limited, time.Until(start.Add(window)))
	return errors.Join(group.Wait(), ctx.Err())
}

func (r *reporters) table(outcomes []outcome[reportRound], s syncs) *table {
	t := newTable(fmt.Sprintf("%s known edges, a report of each every %s", count(r.known), duration(r.after)),
		"reports/s", "control plane's CPU, cores", "more than idle", "CPU time, a report", "target")
	cores := func(x float64) string { return strconv.FormatFloat(x, 'f', 3, 64) }
	idle := each(outcomes[0].rounds, reportRound.cores)
	t.add(outcomes[0].name, "0", spread(idle, cores))
	for _, o := range outcomes[1:] {
		more := each(o.rounds, reportRound.cores)
		perReport := make([]time.Duration, len(more))
		for i, round := range o.rounds {
			more[i] -= idle[i]
			perReport[i] = time.Duration(more[i] * float64(round.elapsed) / float64(max(round.reports, 1)))
		}
		t.add(o.name, spread(each(o.rounds, func(r reportRound) float64 { return float64(r.reports) / r.elapsed.Seconds() }), count),
			spread(each(o.rounds, reportRound.cores), cores), spread(more, cores), spread(perReport, duration),
			target(fmt.Sprintf("< %.1f", reportLimit), median(more) < reportLimit))
	}
	t.add(s.row()...)
	return t
}
