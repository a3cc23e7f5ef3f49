package upstream_test

import (
	"strings"
	"testing"

	"github.com/ringcast/ringcast/edgeproxy/upstream"
	"github.com/ringcast/ringcast/internal/wire"
)

// TestKeysOfEitherScheme: behind a proxy that ends TLS the edge stores under http, and
// with the port where the client writes it.
func TestKeysOfEitherScheme(t *testing.T) {
	t.Parallel()
	origin, _ := newPages(t)
	e := newEdge(t, origin, upstream.Config{}, nil)
	for _, tt := range []struct {
		host, key string
		covered   bool
	}{
		{"shop.example", "https://shop.example/p", true},
		{"shop.example", "http://shop.example/p", true},
		{"shop.example", "https://SHOP.example:443/p*", true},
		{"shop.example:443", "https://shop.example/p", true},
		{"shop.example:8443", "https://shop.example:8443/p", true},
		{"shop.example", "https://shop.e*", true},
		{"shop.example", "https://shop.example:8443/p", false},
		{"shop.example:81", "https://shop.example/*", false},
		{"shop.example", "https://other.example/p", false},
	} {
		e.asHost(t, tt.host, "/p")
		e.invalidate(t, &wire.CacheInvalidated{Keys: []string{tt.key}})
		if a := e.asHost(t, tt.host, "/p"); strings.HasPrefix(a.cache, "hit") == tt.covered {
			t.Errorf("%s after the purge of %s: %q", tt.host, tt.key, a.cache)
		}
	}
}

func TestPurgeOfAPreloadedURL(t *testing.T) {
	t.Parallel()
	origin, _ := newPages(t)
	e := newEdge(t, origin, upstream.Config{}, nil)
	for _, url := range []string{"https://shop.example/p", "https://shop.example:443/p", "http://shop.example/p"} {
		e.preload(t, url)
		if a := e.asHost(t, "shop.example", "/p"); !strings.HasPrefix(a.cache, "hit") {
			t.Errorf("%s, preloaded: %q", url, a.cache)
		}
		e.invalidate(t, &wire.CacheInvalidated{Keys: []string{url}})
		if a := e.asHost(t, "shop.example", "/p"); !strings.HasPrefix(a.cache, "fwd") {
			t.Errorf("%s, purged: %q", url, a.cache)
		}
		e.invalidate(t, &wire.CacheInvalidated{All: true})
	}
}
