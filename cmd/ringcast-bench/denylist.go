package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"time"

	"github.com/ringcast/ringcast/edgeproxy/deny"
	"github.com/ringcast/ringcast/edgeproxy/state"
	"github.com/ringcast/ringcast/internal/wire"
)

// asideEvents is how many events go into a reset at once, as many as a follower
// hands over.
const asideEvents = 2000

// denyList makes an edge's deny list that got its bans by a reset.
func denyList(ctx context.Context, dir string, bans int) (list *deny.List, closeState func() error, err error) {
	log := slog.New(slog.DiscardHandler)
	list = deny.New(log, time.Now)
	s, err := state.Open(ctx, filepath.Join(dir, "state.db"), log, list)
	if err != nil {
		return nil, nil, err
	}
	if err := reset(ctx, s, bans); err != nil {
		return nil, nil, errors.Join(err, s.Close())
	}
	if n := list.Counts().Prefixes; n != bans {
		return nil, nil, errors.Join(fmt.Errorf("the deny list has %d prefixes, not %d", n, bans), s.Close())
	}
	return list, s.Close, nil
}

func reset(ctx context.Context, s *state.State, bans int) error {
	if err := s.BeginReset(ctx); err != nil {
		return err
	}
	events := make([]any, 0, asideEvents)
	for i := range bans {
		events = append(events, &wire.IPBanned{IP: address(i).String(), Reason: banReason})
		if len(events) == asideEvents || i == bans-1 {
			if err := s.Aside(ctx, events); err != nil {
				return err
			}
			events = make([]any, 0, asideEvents)
		}
	}
	return s.Switch(ctx, "bench", 1)
}
