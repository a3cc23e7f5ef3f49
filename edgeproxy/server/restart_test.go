package server

import (
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// versions is an origin whose answers are fresh for long: "v1" from the first, until
// a POST makes it the next.
func versions(t *testing.T) (url string, version *atomic.Int32) {
	t.Helper()
	version = new(atomic.Int32)
	version.Store(1)
	site := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodPost {
			version.Add(1)
			return
		}
		w.Header().Set("Cache-Control", "max-age=600")
		w.Header().Set("X-Cache-Tags", "a-tag")
		_, _ = fmt.Fprint(w, "v", version.Load())
	}))
	t.Cleanup(site.Close)
	return site.URL, version
}

// A run that stores nothing hears of what is purged, but has nothing to fence: no
// later run finds what was stored before it.
func TestRunWithoutStorage(t *testing.T) {
	t.Parallel()
	for name, off := range map[string]func(*Config){
		"no memory":  func(c *Config) { c.CacheMemory = 0 },
		"no bytes":   func(c *Config) { c.CacheMaxBytes = 0 },
		"no entries": func(c *Config) { c.CacheMaxEntries = 0 },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			site, _ := versions(t)
			dir := t.TempDir()
			run := func(change func(*Config), method string) (body, status string) {
				edge, stop := start(t, func(c *Config) {
					c.Origin, c.Control, c.DataDir = site, []string{"http://127.0.0.1:1"}, dir
					change(c)
				})
				defer stop()
				return ask(t, method, "http://"+edge.Addr().String()+"/")
			}
			run(func(*Config) {}, http.MethodGet)
			if body, status := run(func(*Config) {}, http.MethodGet); body != "v1" || !strings.HasPrefix(status, "ringcast; hit") {
				t.Fatalf("nothing was stored: %s, %s", body, status)
			}
			run(off, http.MethodPost)
			if body, status := run(func(*Config) {}, http.MethodGet); body != "v2" {
				t.Errorf("got %s, %s", body, status)
			}
		})
	}
}

// ask is a request for a host that does not change with the edge's address.
func ask(t *testing.T, method, url string, header ...string) (body, status string) {
	t.Helper()
	if method == http.MethodGet {
		resp, body := getAs(t, "shop.example", url, header...)
		return body, resp.Header.Get("Cache-Status")
	}
	req, err := http.NewRequestWithContext(t.Context(), method, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Host = "shop.example"
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	_ = resp.Body.Close()
	return "", resp.Header.Get("Cache-Status")
}

func TestTagsNoLongerExposed(t *testing.T) {
	t.Parallel()
	site, _ := versions(t)
	dir := t.TempDir()
	for _, expose := range []bool{true, false} {
		edge, stop := start(t, func(c *Config) {
			c.Origin, c.Control, c.DataDir, c.ExposeCacheTags = site, []string{"http://127.0.0.1:1"}, dir, expose
		})
		resp, _ := getAs(t, "shop.example", "http://"+edge.Addr().String()+"/")
		if got := resp.Header.Get("X-Cache-Tags"); (got != "") != expose {
			t.Errorf("exposed: %t, got %q with %q", expose, got, resp.Header.Get("Cache-Status"))
		}
		stop()
	}
}

// What is fetched while the edge drains is stored in place of what was there.
func TestFetchedWhileDraining(t *testing.T) {
	t.Parallel()
	asked, answer := make(chan struct{}), make(chan struct{})
	var count atomic.Int32
	site := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		n := count.Add(1)
		if n == 2 {
			close(asked)
			<-answer
		}
		w.Header().Set("Cache-Control", "max-age=600")
		_, _ = fmt.Fprint(w, "v", n)
	}))
	t.Cleanup(site.Close)
	dir := t.TempDir()
	begin := func() (edge *Server, stop func(), url string) {
		edge, stop = start(t, func(c *Config) {
			c.Origin, c.Control, c.DataDir = site.URL, []string{"http://127.0.0.1:1"}, dir
		})
		return edge, stop, "http://" + edge.Addr().String() + "/"
	}
	edge, stop, url := begin()
	ask(t, http.MethodGet, url)
	var stopping sync.WaitGroup
	stopping.Go(func() {
		<-asked
		stop()
	})
	stopping.Go(func() {
		<-asked
		untilRefused(edge.Addr())
		close(answer)
	})
	if body, status := ask(t, http.MethodGet, url, "Cache-Control", "no-cache"); body != "v2" {
		t.Errorf("while draining: %s, %s", body, status)
	}
	stopping.Wait()
	_, _, url = begin()
	if body, status := ask(t, http.MethodGet, url); body != "v2" || !strings.HasPrefix(status, "ringcast; hit") {
		t.Errorf("after the restart: %s, %s", body, status)
	}
}

// untilRefused returns when nobody listens there any more.
func untilRefused(addr net.Addr) {
	for {
		conn, err := net.Dial(addr.Network(), addr.String())
		if err != nil {
			return
		}
		_ = conn.Close()
		<-time.After(time.Millisecond)
	}
}
