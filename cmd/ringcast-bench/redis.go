package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os/exec"
)

// errNoRedis tells that there is no Redis to compare with.
var errNoRedis = errors.New("redis-server is not installed (apt-get install redis-server): nothing to compare with")

// redisServer is a Redis of our own, with a connection to it.
type redisServer struct {
	child *child
	conn  *redisConn
}

// startRedis starts a server that keeps everything in memory and nothing on disk.
func startRedis(ctx context.Context, b *bench) (*redisServer, error) {
	path, err := exec.LookPath("redis-server")
	if err != nil {
		return nil, errNoRedis
	}
	address, err := freeAddress()
	if err != nil {
		return nil, err
	}
	_, port, err := net.SplitHostPort(address)
	if err != nil {
		return nil, err
	}
	process, err := startChild(ctx, "redis-server", path,
		"--bind", "127.0.0.1", "--port", port, "--save", "", "--appendonly", "no", "--dir", b.dir)
	if err != nil {
		return nil, err
	}
	r := &redisServer{child: process}
	err = process.until(ctx, func() bool {
		r.conn, err = dialRedis(ctx, address)
		return err == nil
	})
	if err != nil {
		return nil, errors.Join(fmt.Errorf("connect to redis-server: %w", err), process.stop())
	}
	return r, nil
}

func (r *redisServer) stop() error { return errors.Join(r.conn.close(), r.child.stop()) }
