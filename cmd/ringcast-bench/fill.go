package main

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"slices"

	"golang.org/x/sync/errgroup"

	"github.com/ringcast/ringcast/controlplane"
	"github.com/ringcast/ringcast/controlplane/eventlog"
	"github.com/ringcast/ringcast/controlplane/eventlog/sqlite"
)

// fillers is how many append at once while a log is filled, to share commits.
const fillers = 64

// fillLog makes a log in dir with n bans of the sequence and those given, in
// units as large as they may be, and gives its head.
func fillLog(ctx context.Context, dir string, n int, also ...netip.Addr) (head eventlog.Head, err error) {
	log, err := sqlite.Open(ctx, sqlite.Config{Dir: dir})
	if err != nil {
		return eventlog.Head{}, err
	}
	defer func() { err = errors.Join(err, log.Close()) }()
	addrs := slices.Grow(also, n)
	for i := range n {
		addrs = append(addrs, address(i))
	}
	if err := appendBans(ctx, log, addrs); err != nil {
		return eventlog.Head{}, fmt.Errorf("fill log: %w", err)
	}
	return log.Head(ctx)
}

func appendBans(ctx context.Context, log eventlog.Log, addrs []netip.Addr) error {
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(fillers)
	for unit := range slices.Chunk(addrs, eventlog.MaxUnit) {
		group.Go(func() error {
			_, err := log.Append(ctx, banAll(unit), eventlog.Request{Principal: "bench", RPC: "bench"})
			return err
		})
	}
	return group.Wait()
}

func banAll(addrs []netip.Addr) controlplane.Decision {
	return func(s controlplane.State) ([]controlplane.Event, error) {
		events := make([]controlplane.Event, 0, len(addrs))
		for _, addr := range addrs {
			ban, err := controlplane.Ban{IP: prefixOf(addr), Reason: banReason}.Decide(s)
			if err != nil {
				return nil, err
			}
			events = append(events, ban...)
		}
		return events, nil
	}
}
