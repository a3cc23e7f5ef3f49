package main

import (
	"context"
	"fmt"
	"net/http"
	"net/netip"
	"time"

	"golang.org/x/sync/errgroup"
)

// askEvery is how often a client asks whether it is refused: finely enough for what
// networks do, seldom enough to leave them the CPU.
const askEvery = time.Millisecond

// linkBan is a ban at an edge behind a link: when it was in force there, and when that
// was known.
type linkBan struct {
	accepted
	inForce, known time.Time
}

// linkCut is a ban that was accepted while the link was down.
type linkCut struct {
	linkBan
	up time.Time
}

// linkRound is what a round of a link gave.
type linkRound struct {
	bans []linkBan
	cut  linkCut
}

// ban bans a client that the edge lets pass before. meanwhile is done once the ban is
// accepted; it may be nil.
func (n *networkBench) ban(ctx context.Context, c *caller, e *edge, meanwhile func() error) (b linkBan, err error) {
	n.banned++
	addr := netip.AddrFrom4([4]byte{127, 1, byte(n.banned >> 8), byte(n.banned)})
	v := newVisitor(addr.String())
	defer v.leave()
	if status, err := v.visit(ctx, e.url); err != nil || status != http.StatusOK {
		return b, fmt.Errorf("before its ban %s gets %d, error %w", addr, status, err)
	}
	ctx, cancel := context.WithTimeout(ctx, confirmTimeout)
	defer cancel()
	if b.accepted, err = c.ban(ctx, addr); err != nil {
		return b, fmt.Errorf("ban %s: %w", addr, err)
	}
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() (err error) { b.inForce, err = refusedAt(ctx, v, e); return err })
	group.Go(func() (err error) { b.known, err = c.confirm(ctx, b.accepted, 1); return err })
	if meanwhile != nil {
		group.Go(meanwhile)
	}
	if err := group.Wait(); err != nil {
		return b, fmt.Errorf("ban of %s: %w", addr, err)
	}
	return b, nil
}

// refusedAt asks an edge until it refuses.
func refusedAt(ctx context.Context, v *visitor, e *edge) (at time.Time, err error) {
	for {
		status, err := v.visit(ctx, e.url)
		switch {
		case err != nil:
			return at, err
		case status == http.StatusForbidden:
			return time.Now(), nil
		case status != http.StatusOK:
			return at, fmt.Errorf("the edge answers %d", status)
		}
		pause(ctx, askEvery)
	}
}

// cut takes the link down, bans, and brings the link up again once it was down for long
// enough.
func (n *networkBench) cut(ctx context.Context, c *caller, e *edge, l *link) (r linkCut, err error) {
	l.down()
	end := time.Now().Add(n.down)
	r.linkBan, err = n.ban(ctx, c, e, func() error {
		pause(ctx, time.Until(end))
		r.up = time.Now()
		return l.up()
	})
	if err == nil && r.inForce.Before(r.up) {
		err = fmt.Errorf("a ban was in force %s before its link was up", r.up.Sub(r.inForce))
	}
	return r, err
}
