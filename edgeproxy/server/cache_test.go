package server

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// Each flag of the cache reaches it.
func TestCacheFlags(t *testing.T) {
	t.Parallel()
	site, _ := origin(t)
	reload := []string{"Cache-Control", "no-cache"}
	for name, row := range map[string]struct {
		change  func(*Config)
		request []string
		want    string // how the second answer's Cache-Status begins
	}{
		"defaults":             {func(*Config) {}, nil, "ringcast; hit; ttl=5"},
		"a reload":             {func(*Config) {}, reload, "ringcast; fwd=request"},
		"a reload, ignored":    {func(c *Config) { c.CacheIgnoreReload = true }, reload, "ringcast; hit"},
		"no memory":            {func(c *Config) { c.CacheMemory = 0 }, nil, "ringcast; fwd=uri-miss"},
		"no bytes":             {func(c *Config) { c.CacheMaxBytes = 0 }, nil, "ringcast; fwd=uri-miss"},
		"no entries":           {func(c *Config) { c.CacheMaxEntries = 0 }, nil, "ringcast; fwd=uri-miss"},
		"too long an object":   {func(c *Config) { c.CacheMaxObject = 3 }, nil, "ringcast; fwd=uri-miss"},
		"the rule of the time": {func(c *Config) { c.TTLRules, c.TTLPeak = []string{"time"}, "00:00-24:00" }, nil, "ringcast; hit; ttl=4"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			edge, _ := start(t, func(c *Config) {
				c.Origin, c.Control = site, []string{"http://127.0.0.1:1"}
				row.change(c)
			})
			url := "http://" + edge.Addr().String() + "/"
			get(t, url)
			resp, _ := get(t, url, row.request...)
			got := resp.Header.Get("Cache-Status")
			if !strings.HasPrefix(got, row.want) || strings.Contains(got, "key=") {
				t.Errorf("got %q, want %q", got, row.want)
			}
			if _, err := os.Stat(filepath.Join(edge.DataDir, CacheFile)); (err == nil) != (edge.CacheMemory > 0 && edge.CacheMaxBytes > 0 && edge.CacheMaxEntries > 0) {
				t.Errorf("the cache's file: %v", err)
			}
		})
	}
}

func TestCacheStatusKey(t *testing.T) {
	t.Parallel()
	site, _ := origin(t)
	edge, _ := start(t, func(c *Config) { c.Origin, c.Control, c.CacheStatusKey = site, []string{"http://127.0.0.1:1"}, true })
	for range 2 {
		resp, _ := get(t, "http://"+edge.Addr().String()+"/a?b")
		if got := resp.Header.Get("Cache-Status"); !strings.HasSuffix(got, `; key="http://`+edge.Addr().String()+`/a?b"`) {
			t.Errorf("got %q", got)
		}
	}
}
