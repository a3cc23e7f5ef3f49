package main

import (
	"context"
	"errors"
	"fmt"

	"golang.org/x/sync/errgroup"

	"github.com/ringcast/ringcast/edgeproxy/cache/disk"
)

// benchURL is the origin of the cache keys here.
const benchURL = "http://bench.test"

// multiply stores what an edge has stored for the first object for the others as
// well, as the edge would have after many fetches.
func multiply(ctx context.Context, config disk.Config, objects []object) (err error) {
	store, err := disk.Open(ctx, config)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, store.Close()) }()
	first, err := recordOf(ctx, store, objects[0])
	if err != nil {
		return err
	}
	group, ctx := errgroup.WithContext(ctx)
	ctx, cancel := context.WithCancel(ctx)
	group.Go(func() error { return store.Run(ctx) })
	group.Go(func() error {
		defer cancel()
		return putAll(ctx, store, first, objects[1:])
	})
	return group.Wait()
}

func recordOf(ctx context.Context, store *disk.Store, o object) (disk.Record, error) {
	heads, err := store.Heads(ctx, benchURL+o.path())
	if err != nil || len(heads) != 1 {
		return disk.Record{}, errors.Join(fmt.Errorf("%d records of %s", len(heads), o.path()), err)
	}
	body, err := store.Body(ctx, heads[0])
	return disk.Record{Variant: heads[0].Variant, Generation: heads[0].Generation, Head: heads[0].Head, Body: body}, err
}

// putAll waits for the writer where it is behind.
func putAll(ctx context.Context, store *disk.Store, r disk.Record, objects []object) error {
	for _, o := range objects {
		r.URL = benchURL + o.path()
		for {
			if _, queued := store.Put(r); queued {
				break
			}
			if pause(ctx, pollEvery); ctx.Err() != nil {
				return ctx.Err()
			}
		}
	}
	return nil
}
