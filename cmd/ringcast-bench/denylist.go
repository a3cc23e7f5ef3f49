package main

import (
	"context"
	"errors"
	"fmt"
	"iter"
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
	list, s, err := openDenyList(ctx, dir)
	if err != nil {
		return nil, nil, err
	}
	if err := reset(ctx, s, banEvents(bans)); err != nil {
		return nil, nil, errors.Join(err, s.Close())
	}
	if n := list.Counts().Prefixes; n != bans {
		return nil, nil, errors.Join(fmt.Errorf("the deny list has %d prefixes, not %d", n, bans), s.Close())
	}
	return list, s.Close, nil
}

// openDenyList makes an empty one, and the state that it is a part of.
func openDenyList(ctx context.Context, dir string) (*deny.List, *state.State, error) {
	log := slog.New(slog.DiscardHandler)
	list := deny.New(log, time.Now)
	s, err := state.Open(ctx, filepath.Join(dir, "state.db"), log, list)
	return list, s, err
}

// banEvents are the bans of the first n addresses of the sequence.
func banEvents(n int) iter.Seq[any] {
	return func(yield func(any) bool) {
		for i := range n {
			if !yield(&wire.IPBanned{IP: address(i).String(), Reason: banReason}) {
				return
			}
		}
	}
}

func reset(ctx context.Context, s *state.State, all iter.Seq[any]) error {
	if err := s.BeginReset(ctx); err != nil {
		return err
	}
	events := make([]any, 0, asideEvents)
	for event := range all {
		if events = append(events, event); len(events) < asideEvents {
			continue
		}
		if err := s.Aside(ctx, events); err != nil {
			return err
		}
		events = make([]any, 0, asideEvents)
	}
	if len(events) > 0 {
		if err := s.Aside(ctx, events); err != nil {
			return err
		}
	}
	return s.Switch(ctx, "bench", 1)
}
