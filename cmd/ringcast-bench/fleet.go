package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/netip"
	"os"
	"path/filepath"
	"time"

	"github.com/ringcast/ringcast/controlplane/eventlog"
)

// The clients that are banned, or not, besides those of the sequence of addresses.
const (
	allowedClient  = "127.0.0.1"
	formerlyBanned = "127.0.0.2" // by the log of an edge with an old state
	alwaysBanned   = "127.0.0.3"
)

// fleet is a control plane with many bans in its log, and an origin.
type fleet struct {
	binary  string
	control *control
	origin  *origin
	head    eventlog.Head
	bans    int
}

// startFleet fills a log with bans of addresses and of clients, alwaysBanned where
// none are given, and starts a control plane on it.
func startFleet(ctx context.Context, b *bench, binary string, bans int, clients ...string) (*fleet, error) {
	if len(clients) == 0 {
		clients = []string{alwaysBanned}
	}
	f := &fleet{binary: binary, bans: bans + len(clients)}
	b.say("writing %d bans to the log", f.bans)
	dir, start := filepath.Join(b.dir, "control"), time.Now()
	err := os.Mkdir(dir, 0o700)
	if err == nil {
		f.head, err = fillLog(ctx, dir, bans, each(clients, netip.MustParseAddr)...)
	}
	if err != nil {
		return nil, err
	}
	b.say("wrote them in %s", duration(time.Since(start)))
	if f.origin, err = startOrigin(ctx); err == nil {
		f.control, err = startControl(ctx, binary, dir)
	}
	if err != nil {
		return nil, errors.Join(err, f.stop())
	}
	return f, nil
}

func (f *fleet) stop() error {
	var errs []error
	if f.control != nil {
		errs = append(errs, f.control.stop())
	}
	if f.origin != nil {
		errs = append(errs, f.origin.stop())
	}
	return errors.Join(errs...)
}

// edge starts an edge that follows the control plane.
func (f *fleet) edge(ctx context.Context, dir string, flags ...string) (*edge, error) {
	return startEdge(ctx, f.binary, dir, f.origin.url, f.control.url, flags...)
}

// edges starts n edges with directories in dir, and waits until they are level. Those
// that it gives are to be stopped, also where it fails.
func (f *fleet) edges(ctx context.Context, dir string, n int, flags ...string) (edges []*edge, err error) {
	for i := range n {
		name := fmt.Sprintf("edge-%d", i+1)
		e, err := f.edge(ctx, filepath.Join(dir, name), append([]string{"--node-id", name}, flags...)...)
		if err != nil {
			return edges, err
		}
		edges = append(edges, e)
	}
	for _, e := range edges {
		if _, err := f.synced(ctx, e); err != nil {
			return edges, err
		}
	}
	return edges, nil
}

func stopEdges(edges []*edge) error {
	var errs []error
	for _, e := range edges {
		errs = append(errs, e.stop())
	}
	return errors.Join(errs...)
}

// synced waits until an edge has the whole log, gives the time since its start,
// and makes sure that it is in force.
func (f *fleet) synced(ctx context.Context, e *edge) (time.Duration, error) {
	took, err := e.synced(ctx, f.head.Epoch, f.head.Position)
	if err != nil {
		return took, err
	}
	return took, errors.Join(e.checkBans(f.bans), f.checkTraffic(ctx, e))
}

func (f *fleet) checkTraffic(ctx context.Context, e *edge) error {
	return errors.Join(
		expect(ctx, e, allowedClient, http.StatusOK),
		expect(ctx, e, formerlyBanned, http.StatusOK),
		expect(ctx, e, alwaysBanned, http.StatusForbidden),
	)
}

func expect(ctx context.Context, e *edge, from string, want int) error {
	v := newVisitor(from)
	defer v.leave()
	got, err := v.visit(ctx, e.url)
	if err == nil && got != want {
		err = fmt.Errorf("a client at %s gets %d, not %d", from, got, want)
	}
	return err
}
