package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/netip"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/sync/errgroup"
)

const (
	// propagateLimit is how long 99 of 100 bans may take until they are in force.
	propagateLimit = 20 * time.Millisecond
	// propagateTimeout is when a ban that is not in force counts as lost.
	propagateTimeout = 5 * time.Second
	// maxBanned bounds the clients, whose addresses are 127.1.0.0/16.
	maxBanned = 1 << 16
)

// propagation measures how soon an accepted ban is in force on a connected edge.
// The clients ask without a pause on connections that are open already.
type propagation struct {
	bans     int
	rate     float64
	time     time.Duration
	ringcast ringcast

	fleet *fleet
	edge  *edge

	mu    sync.Mutex // guards what follows
	trips []trip
}

// trip is one ban's way.
type trip struct {
	sent, accepted, refused time.Time
	asked                   int
	asking                  time.Duration
}

func propagateCommand(s *session) *cobra.Command {
	p := new(propagation)
	cmd := s.command("propagate", "From a ban's acceptance to the first refusal at a connected edge", p.run)
	cmd.Flags().IntVar(&p.bans, "bans", 0, "bans in the log before")
	cmd.Flags().Float64Var(&p.rate, "rate", 10, "bans in a second")
	cmd.Flags().DurationVar(&p.time, "time", 30*time.Second, "for how long")
	p.ringcast.bind(cmd)
	return cmd
}

func (p *propagation) run(ctx context.Context, b *bench) (err error) {
	if n := p.rate * p.time.Seconds(); n < 1 || n >= maxBanned {
		return fmt.Errorf("%v bans a second for %s: want 1 to %d bans in all", p.rate, p.time, maxBanned)
	}
	binary, err := p.ringcast.get(ctx, b)
	if err != nil {
		return err
	}
	if p.fleet, err = startFleet(ctx, b, binary, p.bans); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, p.fleet.stop()) }()
	if p.edge, err = p.fleet.edge(ctx, filepath.Join(b.dir, "edge")); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, p.edge.stop()) }()
	if _, err := p.fleet.synced(ctx, p.edge); err != nil {
		return err
	}
	b.say("%v bans a second for %s", p.rate, p.time)
	if err := p.banAll(ctx); err != nil {
		return err
	}
	return b.publish(p.table())
}

// banAll bans one client after the other at the rate that was asked for, whether
// or not those before are in force.
func (p *propagation) banAll(ctx context.Context) error {
	group, ctx := errgroup.WithContext(ctx)
	ticker := time.NewTicker(time.Duration(float64(time.Second) / p.rate))
	defer ticker.Stop()
	n := int(p.rate * p.time.Seconds())
	for i := 0; i < n && ctx.Err() == nil; i++ {
		addr := netip.AddrFrom4([4]byte{127, 1, byte(i >> 8), byte(i)})
		group.Go(func() error { return p.ban(ctx, addr) })
		select {
		case <-ticker.C:
		case <-ctx.Done():
		}
	}
	return group.Wait()
}

// ban has a client ask until it is refused, and bans it meanwhile.
func (p *propagation) ban(ctx context.Context, addr netip.Addr) error {
	ctx, cancel := context.WithTimeout(ctx, propagateTimeout)
	defer cancel()
	v := newVisitor(addr.String())
	defer v.leave()
	if _, err := v.visit(ctx, p.edge.url); err != nil {
		return err
	}
	var t trip
	var both errgroup.Group
	both.Go(func() error { return t.askUntilRefused(ctx, v, p.edge.url) })
	both.Go(func() error { return t.ban(ctx, p.fleet.control.url, addr) })
	if err := both.Wait(); err != nil {
		return fmt.Errorf("ban of %s: %w", addr, err)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.trips = append(p.trips, t)
	return nil
}

func (t *trip) askUntilRefused(ctx context.Context, v *visitor, url string) error {
	start := time.Now()
	for {
		status, err := v.visit(ctx, url)
		t.asked++
		switch {
		case err != nil:
			return err
		case status == http.StatusForbidden:
			t.refused = time.Now()
			t.asking = t.refused.Sub(start)
			return nil
		case status != http.StatusOK:
			return fmt.Errorf("the edge answers %d", status)
		}
	}
}

func (t *trip) ban(ctx context.Context, control string, addr netip.Addr) error {
	body := strings.NewReader(fmt.Sprintf(`{"ip":%q,"reason":%q}`, addr, banReason))
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, control+"/v1/bans", body)
	if err != nil {
		return err
	}
	req.Header.Set("Content-Type", "application/json")
	t.sent = time.Now()
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	t.accepted = time.Now()
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("the control plane answers %s", resp.Status)
	}
	return nil
}

func (p *propagation) table() *table {
	t := newTable(fmt.Sprintf("%s bans, %v a second, %s known before", count(len(p.trips)), p.rate, count(p.fleet.bans)),
		"p50", "p99", "most", "target")
	row := func(name string, figure func(trip) time.Duration) []string {
		figures := each(p.trips, figure)
		return []string{name, duration(median(figures)), duration(quantile(figures, 0.99)), duration(quantile(figures, 1))}
	}
	inForce := func(t trip) time.Duration { return t.refused.Sub(t.accepted) }
	p99 := quantile(each(p.trips, inForce), 0.99)
	t.add(append(row("ban accepted (REST answer) to first refusal", inForce), target("p99 < "+propagateLimit.String(), p99 < propagateLimit))...)
	t.add(row("ban sent to first refusal", func(t trip) time.Duration { return t.refused.Sub(t.sent) })...)
	t.add(row("ban sent to accepted", func(t trip) time.Duration { return t.accepted.Sub(t.sent) })...)
	t.add(row("time between the client's questions", func(t trip) time.Duration { return t.asking / time.Duration(t.asked) })...)
	return t
}
