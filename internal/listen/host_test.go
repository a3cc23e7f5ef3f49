package listen_test

import (
	"testing"

	"github.com/ringcast/ringcast/internal/listen"
)

func TestHostsOnLoopback(t *testing.T) {
	t.Parallel()
	for header, want := range map[string]bool{
		"localhost:4000": true, "localhost": true, "LOCALHOST.:4000": true,
		"127.0.0.1:4000": true, "127.9.9.9": true, "[::1]:4000": true, "[::1]": true, "[::ffff:127.0.0.1]:4000": true,
		"evil.example:4000": false, "localhost.evil.example": false, "127.0.0.1.evil.example:4000": false,
		"10.0.0.1:4000": false, "0.0.0.0:4000": false, "[::]:4000": false, ":4000": false,
		"": true, // no header: a probe by HTTP/1.0
	} {
		for _, hosts := range []listen.Hosts{{}, listen.HostsOf("localhost:4000"), listen.HostsOf("127.0.0.1:4000"), listen.HostsOf("[::1]:4000")} {
			if got := hosts.Allow(header); got != want {
				t.Errorf("%q: %t", header, got)
			}
		}
	}
}

// Whoever is meant to be reached from elsewhere answers to pod addresses and the
// names that proxies use.
func TestHostsBeyondLoopback(t *testing.T) {
	t.Parallel()
	for _, address := range []string{":5901", "0.0.0.0:5901", "10.1.2.3:5901", "[::]:5901"} {
		for _, header := range []string{"10.1.2.3:5901", "edge.example", "localhost:5901", ""} {
			if !listen.HostsOf(address).Allow(header) {
				t.Errorf("on %s %q is refused", address, header)
			}
		}
	}
}
