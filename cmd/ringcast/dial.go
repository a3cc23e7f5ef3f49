package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strings"
	"sync/atomic"
	"syscall"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/connectivity"
	"google.golang.org/grpc/credentials/insecure"
)

// connectTimeout bounds the wait for a connection, however long --timeout is: an
// address where nothing answers should not cost an operator a minute.
const connectTimeout = 5 * time.Second

// maxAnswerBytes keeps a server from filling the memory; the outcome of a wait names every
// edge, which may take more than the 4 MiB that gRPC allows by itself.
const maxAnswerBytes = 128 << 20

// remote says which control plane to call. Verbs embed it in their settings.
type remote struct {
	Server string `flag:"server" default:"localhost:4001" value:"HOST:PORT" help:"gRPC address of the control plane"`
	patience
}

// patience bounds every request.
type patience struct {
	Timeout time.Duration `flag:"timeout" default:"10s" help:"how long a request may take, and with --wait the wait from its answer on"`
}

func (p patience) check() error {
	if p.Timeout <= 0 {
		return usageErrorf("--timeout is %s; it must be longer than nothing", p.Timeout)
	}
	return nil
}

func (p patience) connect() time.Duration { return min(p.Timeout, connectTimeout) }

func (r remote) check() error {
	if _, port, err := net.SplitHostPort(r.Server); err != nil || port == "" || strings.Contains(r.Server, "/") {
		return usageErrorf("--server is %q; it is a host and the gRPC port, such as localhost:4001", r.Server)
	}
	return r.patience.check()
}

// dial connects to the control plane and waits until the connection is up, so
// that any later error is known to come from a server that was there.
func (r remote) dial(ctx context.Context) (*grpc.ClientConn, error) {
	if err := r.check(); err != nil {
		return nil, err
	}
	var last atomic.Value // what came of the last attempt to connect
	last.Store(attempt{errNoAnswer})
	dialer := func(ctx context.Context, address string) (net.Conn, error) {
		conn, err := dialTCP(ctx, "tcp", address)
		last.Store(attempt{err})
		return conn, err
	}
	// The server's own name and the environment decide nothing: no proxy, and no
	// service config by way of DNS, which can take seconds to be absent.
	conn, err := grpc.NewClient("passthrough:///"+r.Server, grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithContextDialer(dialer), grpc.WithDisableServiceConfig(), grpc.WithNoProxy(),
		grpc.WithDefaultCallOptions(grpc.MaxCallRecvMsgSize(maxAnswerBytes)))
	if err != nil {
		return nil, usageErrorf("--server is %q: %w", r.Server, err)
	}
	if !r.wait(ctx, conn) {
		_ = conn.Close() // it was never up
		return nil, r.unreachable(ctx, last.Load().(attempt).err)
	}
	return conn, nil
}

// attempt is what came of trying to connect.
type attempt struct{ err error }

var errNoAnswer = errors.New("no answer")

// wait tells whether the connection came up.
func (r remote) wait(ctx context.Context, conn *grpc.ClientConn) bool {
	ctx, cancel := context.WithTimeout(ctx, r.connect())
	defer cancel()
	conn.Connect()
	for {
		switch state := conn.GetState(); state {
		case connectivity.Ready:
			return true
		case connectivity.TransientFailure, connectivity.Shutdown:
			return false
		default:
			if !conn.WaitForStateChange(ctx, state) {
				return false
			}
		}
	}
}

func (r remote) unreachable(ctx context.Context, cause error) error {
	switch {
	case ctx.Err() != nil:
		return fmt.Errorf("connect to %s: %w", r.Server, ctx.Err())
	case cause == nil:
		return unreachablef("no gRPC server answers at %s: check that --server is the control plane's gRPC address, not its HTTP one", r.Server)
	}
	return unreachablef("cannot reach the control plane at %s: %s; check that it runs and that --server is its gRPC address", r.Server, dialCause(cause))
}

// dialTCP is dialTCP within the time that a connection may take.
func (p patience) dialTCP(ctx context.Context, network, address string) (net.Conn, error) {
	ctx, cancel := context.WithTimeout(ctx, p.connect())
	defer cancel()
	return dialTCP(ctx, network, address)
}

// dialTCP connects to address. For localhost it tries IPv4 and IPv6 loopback,
// whatever the hosts file has, for a server may listen on one of them alone.
func dialTCP(ctx context.Context, network, address string) (net.Conn, error) {
	var dialer net.Dialer
	host, port, err := net.SplitHostPort(address)
	if err != nil || (host != "" && !strings.EqualFold(host, "localhost")) {
		return dialer.DialContext(ctx, network, address)
	}
	conn, err4 := dialer.DialContext(ctx, network, net.JoinHostPort("127.0.0.1", port))
	if err4 == nil {
		return conn, nil
	}
	conn, err6 := dialer.DialContext(ctx, network, net.JoinHostPort("::1", port))
	if err6 != nil {
		return nil, err4
	}
	return conn, nil
}

// dialCause gives the heart of an error of connecting, without the addresses
// that the sentence around it has already.
func dialCause(err error) string {
	if errno, ok := errors.AsType[syscall.Errno](err); ok {
		return errno.Error()
	}
	if timeout, ok := errors.AsType[net.Error](err); ok && timeout.Timeout() {
		return errNoAnswer.Error()
	}
	if op, ok := errors.AsType[*net.OpError](err); ok {
		return op.Err.Error()
	}
	return err.Error()
}
