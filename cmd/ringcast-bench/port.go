package main

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"strconv"
)

const (
	// firstPort and ports are where children listen. They are below the ports that
	// the system gives to outgoing connections, of which there are many here: one
	// could take a port between the search for it and its use.
	firstPort = 20_000
	ports     = 12_000
	// portAttempts bounds the search for a port that nobody has.
	portAttempts = 100
)

// freeAddress finds a port on loopback that nobody has at the moment.
func freeAddress() (string, error) {
	var errs []error
	for range portAttempts {
		address := net.JoinHostPort("127.0.0.1", strconv.Itoa(firstPort+rand.IntN(ports)))
		listener, err := new(net.ListenConfig).Listen(context.Background(), "tcp", address)
		if err == nil {
			return address, listener.Close()
		}
		errs = append(errs, err)
	}
	return "", fmt.Errorf("find a free port: %w", errors.Join(errs...))
}

func freeAddresses(n int) ([]string, error) {
	var addresses []string
	for range n {
		address, err := freeAddress()
		if err != nil {
			return nil, err
		}
		addresses = append(addresses, address)
	}
	return addresses, nil
}
