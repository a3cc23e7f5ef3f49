package main

import (
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// The sides, as the tables name them.
const (
	edgeSide    = "edge"
	nginxSide   = "nginx"
	varnishSide = "Varnish"
	bareSide    = "no cache at all"
)

// room is what a cache may use, the same for all sides.
type room struct {
	// memory is in bytes: the edge's own, and Varnish's unless it has a file. nginx
	// has none of its own but for the keys.
	memory int64
	// disk is in bytes, 0 for Varnish in memory.
	disk int64
	// entries is a bound that is not reached.
	entries int
}

// cacheServer is one of the caches that are compared.
type cacheServer struct {
	*child
	name    string
	address string
}

// cacheServers starts the caches that are there, all on one CPU.
type cacheServers struct {
	bench  *bench
	binary string
	origin string
	cpu    int
}

// start brings up one side with nothing stored.
func (s *cacheServers) start(ctx context.Context, name string, r room) (*cacheServer, error) {
	dir, err := os.MkdirTemp(s.bench.dir, "cache-")
	if err != nil {
		return nil, err
	}
	address, err := freeAddress()
	if err != nil {
		return nil, err
	}
	program, args, err := s.program(name, dir, address, r)
	if err != nil {
		return nil, err
	}
	c := &cacheServer{name: name, address: address}
	c.child, err = s.run(ctx, name, program, args...)
	if err != nil {
		return nil, err
	}
	if err := c.until(ctx, func() bool { return listens(address) }); err != nil {
		_ = c.stop() // the first error counts
		return nil, err
	}
	return c, nil
}

// run starts a process on the CPU of the servers.
func (s *cacheServers) run(ctx context.Context, name, program string, args ...string) (c *child, err error) {
	if s.cpu < 0 {
		return startChild(ctx, name, program, args...)
	}
	err = onCPU(s.cpu, func() error {
		c, err = startChild(ctx, name, program, args...)
		return err
	})
	return c, err
}

func (s *cacheServers) program(name, dir, address string, r room) (string, []string, error) {
	switch name {
	case nginxSide:
		return s.nginx(dir, address, r)
	case varnishSide:
		return s.varnish(dir, address, r)
	}
	admin, err := freeAddress()
	return s.binary, s.edgeArgs(dir, address, admin, nowhere, r), err
}

// edge starts an edge on what is in dir, and does not wait for anything.
func (s *cacheServers) edge(ctx context.Context, dir, control string, r room) (*edge, error) {
	addresses, err := freeAddresses(2)
	if err != nil {
		return nil, err
	}
	process, err := s.run(ctx, edgeSide, s.binary, s.edgeArgs(dir, addresses[0], addresses[1], control, r)...)
	if err != nil {
		return nil, err
	}
	return &edge{child: process, url: addresses[0], admin: "http://" + addresses[1]}, nil
}

// nowhere is a control plane that is never there: an edge serves without one.
const nowhere = "http://127.0.0.1:9"

func (s *cacheServers) edgeArgs(dir, address, admin, control string, r room) []string {
	return []string{
		"edge", "--data-dir", dir, "--node-id", "bench", "--listen", address, "--admin-listen", admin,
		"--origin", "http://" + s.origin, "--control", control, "--log-level", "error",
		"--cache-memory", strconv.FormatInt(r.memory, 10), "--cache-max-bytes", strconv.FormatInt(max(r.memory, r.disk), 10),
		"--cache-max-entries", strconv.Itoa(r.entries),
	}
}

// find looks for a server, also where only root has it in the path.
func find(program string) (string, error) {
	if path, err := exec.LookPath(program); err == nil {
		return path, nil
	}
	return exec.LookPath(filepath.Join("/usr/sbin", program))
}

func listens(address string) bool {
	conn, err := net.DialTimeout("tcp", address, time.Second)
	if err != nil {
		return false
	}
	return conn.Close() == nil
}

// cpu is how long the process and its children have been running.
func (c *cacheServer) cpu() (time.Duration, error) {
	total, err := cpuOf(c.pid())
	if err != nil {
		return 0, err
	}
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/task/%[1]d/children", c.pid()))
	if err != nil {
		return 0, fmt.Errorf("list processes of %s: %w", c.name, err)
	}
	for _, id := range strings.Fields(string(text)) {
		pid, err := strconv.Atoi(id)
		if err != nil {
			return 0, fmt.Errorf("list processes of %s: %w", c.name, err)
		}
		used, err := cpuOf(pid)
		if err != nil {
			return 0, err
		}
		total += used
	}
	return total, nil
}
