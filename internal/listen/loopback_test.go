package listen_test

import (
	"testing"

	"github.com/ringcast/ringcast/internal/listen"
)

func TestIsLoopback(t *testing.T) {
	t.Parallel()
	for address, want := range map[string]bool{
		"localhost:4000": true, "LOCALHOST:4000": true, "127.0.0.1:0": true, "127.9.9.9:1": true, "[::1]:4000": true,
		"[::ffff:127.0.0.1]:1": true,
		":4000":                false, "0.0.0.0:4000": false, "[::]:4000": false, "10.0.0.1:1": false, "[::ffff:10.0.0.1]:1": false,
		"localhost.example.com:1": false, "127.0.0.1.example.com:1": false, "ip6-localhost:1": false, "[fe80::1%eth0]:1": false,
		"": false, "localhost": false, "127.0.0.1": false, "::1": false, "127.1:1": false,
	} {
		if got := listen.IsLoopback(address); got != want {
			t.Errorf("%q: %t, want %t", address, got, want)
		}
	}
}
