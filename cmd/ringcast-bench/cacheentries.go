package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"os"
	"path/filepath"

	"github.com/ringcast/ringcast/edgeproxy/cache/disk"
)

const (
	// entriesKey names the invalidation and the restart for --only.
	entriesKey = "entries"
	// entrySize is of each stored body, in bytes.
	entrySize = 100
	// entryRoom is more than an entry takes on disk.
	entryRoom = 2 << 10
	// entryMemory is what an edge has in memory of them, its default.
	entryMemory = 256 << 20
	// sampleCount is how many are looked at to know of all.
	sampleCount = 1000
)

// entries is an edge with many stored responses, and its control plane.
type entries struct {
	*cacheCosts
	bench   *bench
	dir     string
	control *control
	edge    *edge
	// stored is how many there are on disk.
	stored int64
	sample []object
}

func (c *cacheCosts) measureEntries(ctx context.Context, b *bench) (err error) {
	e := &entries{cacheCosts: c, bench: b, dir: filepath.Join(b.dir, "entries")}
	defer func() { err = errors.Join(err, e.stop()) }()
	if err := e.fill(ctx); err != nil {
		return fmt.Errorf("store %d entries: %w", c.entries, err)
	}
	restarted, err := e.restartAll(ctx)
	if err != nil {
		return fmt.Errorf("restart: %w", err)
	}
	if err := b.publish(e.restartTable(restarted)); err != nil {
		return err
	}
	first, again, err := e.invalidateAll(ctx)
	if err != nil {
		return fmt.Errorf("invalidate: %w", err)
	}
	return b.publish(e.invalidateTable(first, again))
}

func (e *entries) stop() error {
	var errs []error
	if e.edge != nil {
		errs = append(errs, e.edge.stop())
	}
	if e.control != nil {
		errs = append(errs, e.control.stop())
	}
	return errors.Join(errs...)
}

// fill has the edge fetch one entry, and multiplies what it stored.
func (e *entries) fill(ctx context.Context) (err error) {
	dir := filepath.Join(e.bench.dir, "entries-control")
	if err := errors.Join(os.Mkdir(e.dir, 0o700), os.Mkdir(dir, 0o700)); err != nil {
		return err
	}
	if e.control, err = startControl(ctx, e.servers.binary, dir); err != nil {
		return err
	}
	objects := make([]object, e.entries)
	for i := range objects {
		objects[i] = object{size: entrySize, id: i, tagged: true}
	}
	for range min(sampleCount, len(objects)) {
		e.sample = append(e.sample, objects[rand.IntN(len(objects))])
	}
	instance, err := e.store(ctx, objects[0])
	if err != nil {
		return err
	}
	e.bench.say("storing %s entries", count(len(objects)))
	if err := multiply(ctx, e.diskConfig(instance), objects); err != nil {
		return err
	}
	if err := e.startEdge(ctx); err != nil {
		return err
	}
	err = e.edge.until(ctx, func() bool { return e.edge.ready() && e.status().StoredEntries > 0 })
	e.stored = e.status().StoredEntries
	return err
}

// store has the edge fetch and write one entry, and ends it. It gives the name of
// its state, to which the cache file belongs.
func (e *entries) store(ctx context.Context, o object) (instance string, err error) {
	if err := e.startEdge(ctx); err != nil {
		return "", err
	}
	if err := e.edge.until(ctx, e.edge.ready); err != nil {
		return "", err
	}
	one := limits{connections: 1, time: goneTimeout, calls: 1}
	if _, err := one.call(ctx, e.edge.url, e.bodies, inTurn([]object{o})); err != nil {
		return "", err
	}
	err = e.edge.until(ctx, func() bool { return e.status().StoredEntries == 1 })
	return e.status().Instance, errors.Join(err, e.edge.stop())
}

// startEdge starts it on what there is, and waits for nothing.
func (e *entries) startEdge(ctx context.Context) (err error) {
	config := e.diskConfig("")
	r := room{memory: entryMemory, disk: config.MaxBytes, entries: int(config.MaxEntries)}
	e.edge, err = e.servers.edge(ctx, e.dir, e.control.url, r)
	return err
}

// diskConfig is that of the edge's cache file, with room for all entries.
func (e *entries) diskConfig(instance string) disk.Config {
	n := int64(e.entries) + sampleCount
	return disk.Config{
		Path: filepath.Join(e.dir, "cache.db"), Instance: instance, MaxBytes: n * entryRoom, MaxEntries: n,
		Logger: slog.New(slog.DiscardHandler),
	}
}

// entriesStatus is what is read here of GET /status.
type entriesStatus struct {
	Instance      string `json:"instance"`
	StoredEntries int64  `json:"stored_entries"`
}

// status is zero where the edge does not answer.
func (e *entries) status() (status entriesStatus) {
	resp, err := adminClient().Get(e.edge.admin + "/status")
	if err != nil {
		return entriesStatus{}
	}
	defer resp.Body.Close()
	if err := json.NewDecoder(resp.Body).Decode(&status); err != nil {
		return entriesStatus{}
	}
	return status
}
