package server

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/ringcast/ringcast/edgeproxy/cache"
	"github.com/ringcast/ringcast/edgeproxy/preload"
)

func TestResultOf(t *testing.T) {
	t.Parallel()
	for name, row := range map[string]struct {
		outcome cache.Outcome
		want    preload.Result
	}{
		"fresh":                   {cache.Outcome{Hit: true, TTL: 5, HasTTL: true}, preload.Present},
		"on its way":              {cache.Outcome{Reason: cache.URIMiss, Status: 200, Collapsed: true}, preload.Present},
		"stored":                  {cache.Outcome{Reason: cache.URIMiss, Status: 200, Stored: true}, preload.Stored},
		"confirmed":               {cache.Outcome{Reason: cache.Stale, Status: 304, Stored: true}, preload.Stored},
		"an error that is stored": {cache.Outcome{Reason: cache.URIMiss, Status: 404, Stored: true}, preload.Stored},
		"not to be stored":        {cache.Outcome{Reason: cache.URIMiss, Status: 200}, preload.Useless},
		"a redirection, likewise": {cache.Outcome{Reason: cache.URIMiss, Status: 302}, preload.Useless},
		"an error":                {cache.Outcome{Reason: cache.URIMiss, Status: 400}, preload.Failed},
		"no answer":               {cache.Outcome{Reason: cache.URIMiss}, preload.Failed},
		"no answer but a stale":   {cache.Outcome{Reason: cache.Stale, TTL: -5, HasTTL: true}, preload.Failed},
	} {
		if got := resultOf(row.outcome); got != row.want {
			t.Errorf("%s: %s, want %s", name, got, row.want)
		}
	}
}

func TestOwnHosts(t *testing.T) {
	t.Parallel()
	for name, row := range map[string]struct{ addresses, want []string }{
		"loopback":  {[]string{"127.0.0.1:5001", "[::1]:5001"}, []string{"localhost:5001", "127.0.0.1:5001", "[::1]:5001"}},
		"only IPv4": {[]string{"127.0.0.1:5001"}, []string{"localhost:5001", "127.0.0.1:5001"}},
		"any":       {[]string{"[::]:80"}, []string{"localhost:80", "127.0.0.1:80", "[::1]:80"}},
		"any IPv4":  {[]string{"0.0.0.0:80"}, []string{"localhost:80", "127.0.0.1:80", "[::1]:80"}},
		"a network": {[]string{"192.0.2.1:443", "[2001:db8::1]:443"}, []string{"192.0.2.1:443", "[2001:db8::1]:443"}},
		"no TCP":    {[]string{"/run/edge.sock"}, nil},
	} {
		if diff := cmp.Diff(row.want, ownHosts(row.addresses)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}

// counts waits until the edge's metrics have a line.
func counts(t *testing.T, edge *Server, line string) {
	t.Helper()
	var metrics string
	for deadline := time.Now().Add(20 * time.Second); time.Now().Before(deadline); <-time.After(5 * time.Millisecond) {
		if _, metrics = get(t, "http://"+edge.AdminAddr().String()+"/metrics"); strings.Contains(metrics, "\n"+line+"\n") {
			return
		}
	}
	t.Fatalf("no line %q in\n%s", line, metrics)
}

// A hint of the stream is followed, each result is counted, and the client that
// comes after it hits.
func TestHintIsFollowed(t *testing.T) {
	t.Parallel()
	site := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/page":
			w.Header().Set("Cache-Control", "max-age=60")
		case "/error":
			w.WriteHeader(http.StatusInternalServerError)
		}
	}))
	t.Cleanup(site.Close)
	control, more := stream(t, firstSync)
	edge, _ := start(t, func(c *Config) { c.Origin, c.Control = site.URL, []string{control} })
	waitFor(t, edge, 0)
	more <- event(1, "preload_hinted", `{"routes":["/page","http://www/own","http://www/error","nonsense"],"timestamp":1}`)
	more <- event(2, "preload_hinted", `{"routes":["/page"],"timestamp":1}`)
	for _, line := range []string{
		`ringcast_edge_preloads_total{result="stored"} 2`, // for localhost and 127.0.0.1
		`ringcast_edge_preloads_total{result="present"} 2`,
		`ringcast_edge_preloads_total{result="useless"} 1`,
		`ringcast_edge_preloads_total{result="failed"} 1`,
		"ringcast_edge_preloads_dropped_total 1",
	} {
		counts(t, edge, line)
	}
	resp, _ := get(t, "http://"+edge.Addr().String()+"/page")
	if got := resp.Header.Get("Cache-Status"); !strings.HasPrefix(got, "ringcast; hit") {
		t.Errorf("a client gets %q", got)
	}
}

// A stop does not wait for preloads, nor count what it cuts short.
func TestStopEndsPreloads(t *testing.T) {
	t.Parallel()
	arrived := make(chan struct{})
	site := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		arrived <- struct{}{}
		<-r.Context().Done()
	}))
	t.Cleanup(site.Close)
	control, _ := stream(t, firstSync, event(1, "preload_hinted", `{"routes":["http://www/a","http://www/b"],"timestamp":1}`))
	edge, stop := start(t, func(c *Config) { c.Origin, c.Control = site.URL, []string{control} })
	<-arrived
	<-arrived
	began := time.Now()
	stop()
	if took := time.Since(began); took > drainTimeout/2 {
		t.Errorf("the stop took %s", took)
	}
	if got := edge.preload.Count(preload.Failed); got != 0 {
		t.Errorf("%d failed", got)
	}
}
