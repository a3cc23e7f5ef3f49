package main

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"
)

// The CPUs of the two halves: what is measured has one for itself alone.
const (
	serverCPU = 0
	loadCPU   = 1
)

// cacheCosts measures the edge's cache beside others.
type cacheCosts struct {
	only             []string
	rounds           int
	time             time.Duration
	connections      int
	objects, entries int
	install, pin     bool
	ringcast         ringcast

	bodies  bodies
	origin  *objectOrigin
	servers *cacheServers
	// missed counts the objects that nobody has asked for before.
	missed int
}

func cacheCommand(s *session) *cobra.Command {
	c := new(cacheCosts)
	cmd := s.command("cache", "The edge's cache beside nginx and Varnish, its invalidation and its restart", c.run)
	flags := cmd.Flags()
	flags.StringSliceVar(&c.only, "only", nil, "measure these alone: "+strings.Join(c.keys(), ", "))
	flags.IntVar(&c.rounds, "rounds", 3, "rounds of each side")
	flags.DurationVar(&c.time, "time", 3*time.Second, "of each side in each round, once at full load and once at an equal rate")
	flags.IntVar(&c.connections, "connections", 32, "connections that ask")
	flags.IntVar(&c.objects, "objects", 200_000, "objects of the Zipf working set")
	flags.IntVar(&c.entries, "entries", 1_000_000, "stored responses before the invalidation and the restart")
	flags.BoolVar(&c.install, "install", false, "install Debian's nginx-light and varnish before")
	flags.BoolVar(&c.pin, "pin", true, "keep the servers on one CPU, and load and origin on another")
	c.ringcast.bind(cmd)
	return cmd
}

// keys are what can be measured alone.
func (c *cacheCosts) keys() []string {
	var keys []string
	for _, w := range c.workloads() {
		keys = append(keys, w.key)
	}
	return append(keys, entriesKey)
}

func (c *cacheCosts) wants(key string) bool { return len(c.only) == 0 || slices.Contains(c.only, key) }

func (c *cacheCosts) check() error {
	for _, key := range c.only {
		if !slices.Contains(c.keys(), key) {
			return fmt.Errorf("--only %s: it is one of %s", key, strings.Join(c.keys(), ", "))
		}
	}
	if c.rounds < 1 || c.time <= 0 || c.connections < 1 || c.connections > 1000 || c.objects < 1 || c.entries < 1 {
		return errors.New("--rounds, --time, --connections (1 to 1000), --objects and --entries: there is nothing to measure")
	}
	if c.pin && runtime.NumCPU() <= loadCPU {
		return errors.New("--pin needs two CPUs")
	}
	return nil
}

func (c *cacheCosts) run(ctx context.Context, b *bench) (err error) {
	if err := c.check(); err != nil {
		return err
	}
	if c.install {
		if err := install(ctx, b); err != nil {
			return err
		}
	}
	binary, err := c.ringcast.get(ctx, b)
	if err != nil {
		return err
	}
	undo, err := c.setUp(ctx, b, binary)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, undo()) }()
	if err := c.compare(ctx, b); err != nil || !c.wants(entriesKey) {
		return err
	}
	return c.measureEntries(ctx, b)
}

// setUp starts the origin and puts this process on its CPU.
func (c *cacheCosts) setUp(ctx context.Context, b *bench, binary string) (undo func() error, err error) {
	c.bodies = newBodies()
	if c.origin, err = startObjectOrigin(ctx, c.bodies); err != nil {
		return nil, err
	}
	c.servers = &cacheServers{bench: b, binary: binary, origin: c.origin.address, cpu: -1}
	if !c.pin {
		return c.origin.stop, nil
	}
	c.servers.cpu = serverCPU
	// Of its own accord the runtime would follow the affinity down to one, and the
	// origin wait while the load does.
	threads := runtime.GOMAXPROCS(runtime.NumCPU())
	unpin, err := pinProcess(loadCPU)
	if err != nil {
		return nil, errors.Join(err, c.origin.stop())
	}
	return func() error {
		runtime.GOMAXPROCS(threads)
		return errors.Join(unpin(), c.origin.stop())
	}, nil
}

// compare measures all workloads that were asked for.
func (c *cacheCosts) compare(ctx context.Context, b *bench) error {
	t := newCacheTable()
	for _, w := range c.workloads() {
		if !c.wants(w.key) {
			continue
		}
		m := &comparison{cacheCosts: c, bench: b, workload: w}
		if err := m.run(ctx); err != nil {
			return fmt.Errorf("%s: %w", w.title, err)
		}
		m.rows(t)
	}
	if len(t.rows) == 1 {
		return nil
	}
	return b.publish(t)
}
