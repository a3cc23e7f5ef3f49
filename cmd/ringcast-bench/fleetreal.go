package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/netip"
	"time"
)

// confirmLimit is how long 99 of 100 bans may take until some real edges have confirmed
// them, from sending on.
const confirmLimit = 50 * time.Millisecond

// checkedBan is a ban that real edges have confirmed.
type checkedBan struct {
	confirmedBan
	// passed is how many edges let the client pass after that.
	passed int
}

// confirmReal has some real edges confirm bans, and asks each at once whether it
// refuses the client.
func (f *fleetBench) confirmReal(ctx context.Context, b *bench, fleet *fleet) (err error) {
	b.say("starting %d edges", f.real)
	edges, err := fleet.edges(ctx, b.dir, f.real)
	defer func() { err = errors.Join(err, stopEdges(edges)) }()
	if err != nil {
		return err
	}
	c := newCaller(fleet.control.url)
	defer c.leave()
	b.say("%d bans", f.realBans)
	bans := make([]checkedBan, f.realBans)
	for i := range bans {
		addr := netip.AddrFrom4([4]byte{127, 1, byte(i >> 8), byte(i)})
		if bans[i], err = confirmBan(ctx, c, edges, addr); err != nil {
			return fmt.Errorf("ban of %s: %w", addr, err)
		}
	}
	return b.publish(f.realTable(bans))
}

// confirmBan bans a client that all edges let pass before.
func confirmBan(ctx context.Context, c *caller, edges []*edge, addr netip.Addr) (r checkedBan, err error) {
	visitors := make([]*visitor, len(edges))
	for i, e := range edges {
		visitors[i] = newVisitor(addr.String())
		defer visitors[i].leave()
		if status, err := visitors[i].visit(ctx, e.url); err != nil || status != http.StatusOK {
			return r, fmt.Errorf("before the ban an edge answers %d, error %w", status, err)
		}
	}
	if r.accepted, err = c.ban(ctx, addr); err != nil {
		return r, err
	}
	if r.known, err = c.confirm(ctx, r.accepted, len(edges)); err != nil {
		return r, err
	}
	for i, e := range edges {
		status, err := visitors[i].visit(ctx, e.url)
		if err != nil {
			return r, err
		}
		if status != http.StatusForbidden {
			r.passed++
		}
	}
	return r, nil
}

func (f *fleetBench) realTable(bans []checkedBan) *table {
	t := newTable(fmt.Sprintf("%d real edges, %s bans one after the other", f.real, count(f.realBans)), "p50", "p99", "most", "target")
	row := func(name string, figure func(checkedBan) time.Duration, targets ...string) {
		figures := each(bans, figure)
		cells := []string{name, duration(median(figures)), duration(quantile(figures, 0.99)), duration(quantile(figures, 1))}
		t.add(append(cells, targets...)...)
	}
	whole := func(r checkedBan) time.Duration { return r.known.Sub(r.sent) }
	row("ban sent to confirmed by all (WaitApplied)", whole,
		target("p99 < "+confirmLimit.String(), quantile(each(bans, whole), 0.99) < confirmLimit))
	row("ban sent to accepted", func(r checkedBan) time.Duration { return r.at.Sub(r.sent) })
	row("ban accepted to confirmed by all", func(r checkedBan) time.Duration { return r.known.Sub(r.at) })
	asked, passed := f.real*f.realBans, 0
	for _, r := range bans {
		passed += r.passed
	}
	t.add("edges asked at that moment that did not refuse", fmt.Sprintf("%s of %s", count(passed), count(asked)), "", "", target("0", passed == 0))
	return t
}
