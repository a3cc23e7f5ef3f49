// Package listen opens TCP listeners by the rules that every Ringcast process
// shares: localhost is both loopback addresses, and a listener that asks for no
// credentials stays on loopback.
package listen

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strings"
	"syscall"
)

// samePortAttempts bounds the search for a port that is free on both loopback
// addresses, so that a machine without one gives an error and not a hang.
const samePortAttempts = 16

// localhost names both loopback addresses.
const localhost = "localhost"

// binder opens one socket; it is net.ListenConfig.Listen.
type binder func(ctx context.Context, network, address string) (net.Listener, error)

// Listen opens address, host:port. The host localhost means 127.0.0.1 and [::1],
// on the same port, also when that is 0; a machine that has only one of them
// gets that one. No host means every address.
//
// Connections are *net.TCPConn. Errors are sentences that name the address, and
// wrap the syscall.Errno.
func Listen(ctx context.Context, address string) (net.Listener, error) {
	listener, err := open(ctx, new(net.ListenConfig).Listen, address)
	if err != nil {
		return nil, fmt.Errorf("listen on %s: %w", address, explain(err))
	}
	return listener, nil
}

// Addresses are all on which a listener of Listen was opened, for a person to
// read: its Addr is but the first.
func Addresses(listener net.Listener) []string {
	m, ok := listener.(*merged)
	if !ok {
		return []string{listener.Addr().String()}
	}
	var addresses []string
	for _, l := range m.listeners {
		addresses = append(addresses, l.Addr().String())
	}
	return addresses
}

// Close closes listeners, of which some may be nil, never opened, or closed
// already.
func Close(listeners ...net.Listener) error {
	var errs []error
	for _, l := range listeners {
		if l == nil {
			continue
		}
		if err := l.Close(); !errors.Is(err, net.ErrClosed) {
			errs = append(errs, err)
		}
	}
	return errors.Join(errs...)
}

func open(ctx context.Context, bind binder, address string) (net.Listener, error) {
	host, port, err := split(address)
	if err != nil {
		return nil, err
	}
	if strings.EqualFold(host, localhost) {
		return openLocalhost(ctx, bind, port)
	}
	return bind(ctx, "tcp", address)
}

func split(address string) (host, port string, err error) {
	host, port, err = net.SplitHostPort(address)
	if err != nil || port == "" {
		return "", "", errors.New("want host:port, such as localhost:4000 or :4000")
	}
	return host, port, nil
}

func openLocalhost(ctx context.Context, bind binder, port string) (net.Listener, error) {
	for attempt := 1; ; attempt++ {
		listeners, err := bindLoopback(ctx, bind, port)
		switch {
		case err == nil:
			return merge(listeners), nil
		case port == "0" && errors.Is(err, syscall.EADDRINUSE) && attempt < samePortAttempts:
			continue
		}
		return nil, err
	}
}

// bindLoopback opens the loopback addresses that this machine has, the second
// on the port of the first.
func bindLoopback(ctx context.Context, bind binder, port string) ([]net.Listener, error) {
	var listeners []net.Listener
	var missing error
	for _, host := range []string{"127.0.0.1", "::1"} {
		listener, err := bind(ctx, "tcp", net.JoinHostPort(host, port))
		switch {
		case err == nil:
			listeners = append(listeners, listener)
			_, port, _ = net.SplitHostPort(listener.Addr().String())
		case isMissing(err):
			missing = err
		default:
			return nil, errors.Join(err, closeAll(listeners))
		}
	}
	if len(listeners) == 0 {
		return nil, missing
	}
	return listeners, nil
}

// isMissing tells that the machine lacks the address, or its whole family.
func isMissing(err error) bool {
	return errors.Is(err, syscall.EADDRNOTAVAIL) || errors.Is(err, syscall.EAFNOSUPPORT)
}

func closeAll(listeners []net.Listener) error {
	var errs []error
	for _, listener := range listeners {
		errs = append(errs, listener.Close())
	}
	return errors.Join(errs...)
}

// explain replaces the parts of err that name system calls by advice.
func explain(err error) error {
	for _, known := range [...]struct {
		errno  syscall.Errno
		advice string
	}{
		{syscall.EADDRINUSE, "is another ringcast running? choose another port"},
		{syscall.EACCES, "ports below 1024 need a privilege"},
		{syscall.EADDRNOTAVAIL, "this machine does not have that address"},
	} {
		if errors.Is(err, known.errno) {
			return fmt.Errorf("%w: %s", known.errno, known.advice)
		}
	}
	if operation, ok := errors.AsType[*net.OpError](err); ok {
		return operation.Err
	}
	return err
}
