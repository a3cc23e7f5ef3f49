package server

import (
	"context"
	"net"
	"net/netip"
	"slices"
	"strconv"

	"github.com/ringcast/ringcast/edgeproxy/cache"
	"github.com/ringcast/ringcast/edgeproxy/preload"
)

// fetchHinted implements preload.FetchFunc.
func (s *Server) fetchHinted(ctx context.Context, route string) []preload.Result {
	var found []preload.Result
	for _, o := range s.upstream.Preload(ctx, route) {
		found = append(found, resultOf(o))
	}
	return found
}

// resultOf says of a preload what its outcome comes to. An answer that a client's
// request brings is on its way.
func resultOf(o cache.Outcome) preload.Result {
	switch {
	case o.Stored:
		return preload.Stored
	case o.Hit, o.Collapsed:
		return preload.Present
	case o.Status == 0, o.Status >= 400:
		return preload.Failed
	}
	return preload.Useless
}

// ownHosts are the names that the listener's addresses have in requests of clients
// on this machine, and of others where the address is of a network.
func ownHosts(addresses []string) []string {
	var hosts []string
	for _, address := range addresses {
		at, err := netip.ParseAddrPort(address)
		if err != nil {
			continue // not of TCP
		}
		port := strconv.Itoa(int(at.Port()))
		for _, name := range namesOf(at.Addr()) {
			if host := net.JoinHostPort(name, port); !slices.Contains(hosts, host) {
				hosts = append(hosts, host)
			}
		}
	}
	return hosts
}

func namesOf(a netip.Addr) []string {
	switch {
	case a.IsUnspecified():
		return []string{"localhost", "127.0.0.1", "::1"}
	case a.IsLoopback():
		return []string{"localhost", a.String()}
	}
	return []string{a.String()}
}
