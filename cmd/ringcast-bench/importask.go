package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"os/exec"
	"time"

	"golang.org/x/sync/errgroup"
)

// importReport is what ban --file prints as JSON.
type importReport struct {
	Lines    int               `json:"lines"`
	Banned   int               `json:"banned"`
	Repeated int               `json:"repeated"`
	Position uint64            `json:"position,string"`
	Epoch    string            `json:"epoch"`
	Refused  []json.RawMessage `json:"refused"`
}

// banList runs ban --file, and gives the CPU time that it took, too.
func banList(ctx context.Context, binary, server, list string) (report importReport, cpu time.Duration, err error) {
	cmd := exec.CommandContext(ctx, binary, "ban", "--file", list, "--reason", banReason, "--server", server, "--output", "json")
	var out, errOut bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errOut
	if err := cmd.Run(); err != nil {
		return importReport{}, 0, fmt.Errorf("ringcast ban --file: %w: %s%s", err, out.String(), errOut.String())
	}
	if err := json.Unmarshal(out.Bytes(), &report); err != nil {
		return importReport{}, 0, fmt.Errorf("read the report of ban --file: %w", err)
	}
	return report, cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime(), nil
}

// checkReport tells whether all lines were accepted, once each.
func (i *imports) checkReport(f *fleet, r importReport) error {
	if r.Lines != i.bans || r.Banned != i.bans || r.Repeated != 0 || len(r.Refused) != 0 || r.Epoch != f.head.Epoch {
		return fmt.Errorf("of %d lines %d are banned, %d repeated and %d refused in epoch %s; want %d banned in %s",
			r.Lines, r.Banned, r.Repeated, len(r.Refused), r.Epoch, i.bans, f.head.Epoch)
	}
	return nil
}

// await waits until each edge has all bans, and asks it for the samples.
func (i *imports) await(ctx context.Context, f *fleet, edges []*edge, start time.Time, result *imported) error {
	level, refused := make([]time.Duration, len(edges)), make([]time.Duration, len(edges))
	samples := i.sample()
	group, asking := errgroup.WithContext(ctx)
	for n, e := range edges {
		group.Go(func() error {
			if _, err := e.synced(asking, result.report.Epoch, result.report.Position); err != nil {
				return err
			}
			level[n] = time.Since(start)
			if err := refusesAll(asking, e, samples); err != nil {
				return err
			}
			refused[n] = time.Since(start)
			return e.checkBans(f.bans + i.bans)
		})
	}
	if err := group.Wait(); err != nil {
		return err
	}
	for _, e := range edges {
		if err := i.checkOthers(ctx, e); err != nil {
			return err
		}
	}
	result.level, result.refused, result.sampled = quantile(level, 1), quantile(refused, 1), len(samples)
	return nil
}

// sample gives addresses from all over the list, the last first.
func (i *imports) sample() []string {
	texts := []string{address(i.bans - 1).String()}
	for n := range i.samples - 1 {
		texts = append(texts, address(n*i.bans/i.samples).String())
	}
	return texts
}

func refusesAll(ctx context.Context, e *edge, clients []string) error {
	proxy := newVisitor(trustedProxy)
	defer proxy.leave()
	for _, c := range clients {
		if err := expectFor(ctx, proxy, e, c, http.StatusForbidden); err != nil {
			return err
		}
	}
	return nil
}

// checkOthers makes sure that the edge does not refuse everybody.
func (i *imports) checkOthers(ctx context.Context, e *edge) error {
	proxy := newVisitor(trustedProxy)
	defer proxy.leave()
	return expectFor(ctx, proxy, e, address(i.bans).String(), http.StatusOK)
}

// expectFor has a trusted proxy ask for a client.
func expectFor(ctx context.Context, proxy *visitor, e *edge, client string, want int) error {
	got, err := proxy.visit(ctx, e.url, "X-Forwarded-For", client)
	if err == nil && got != want {
		err = fmt.Errorf("a client at %s gets %d, not %d", client, got, want)
	}
	return err
}
