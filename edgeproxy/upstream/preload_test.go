package upstream_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/ringcast/ringcast/edgeproxy/cache"
	"github.com/ringcast/ringcast/edgeproxy/upstream"
)

func (e *edge) preload(t testing.TB, route string) []cache.Outcome {
	t.Helper()
	return e.handler.(*upstream.Handler).Preload(t.Context(), route)
}

// asHost asks for a target just as it is, with a Host of its own.
func (e *edge) asHost(t *testing.T, host, target string) answer {
	t.Helper()
	return e.raw(t, "GET "+target+" HTTP/1.1\r\nHost: "+host+"\r\nConnection: close\r\n\r\n")
}

// asked are the requests that an origin saw.
type asked struct {
	mu  sync.Mutex
	all []*http.Request
}

func (a *asked) add(r *http.Request) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.all = append(a.all, r)
}

// take gives them and begins anew.
func (a *asked) take() []*http.Request {
	a.mu.Lock()
	defer a.mu.Unlock()
	all := a.all
	a.all = nil
	return all
}

func newPages(t *testing.T) (url string, got *asked) {
	t.Helper()
	got = new(asked)
	return newOrigin(t, func(w http.ResponseWriter, r *http.Request) {
		got.add(r)
		w.Header().Set("Cache-Control", "max-age=60")
		_, _ = io.WriteString(w, r.RequestURI)
	}), got
}

var stored = cache.Outcome{Reason: cache.URIMiss, Status: 200, Stored: true}

// The first request of a client is a hit, whatever its target is like.
func TestPreload(t *testing.T) {
	t.Parallel()
	origin, got := newPages(t)
	e := newEdge(t, origin, upstream.Config{Hosts: []string{"www"}}, nil)
	for route, row := range map[string]struct{ host, target string }{
		"/":                    {"www", "/"},
		"//x":                  {"www", "//x"},
		"/a?b":                 {"www", "/a?b"},
		"/a?":                  {"www", "/a?"},
		"/%2F":                 {"www", "/%2F"},
		"/a;b/../c":            {"www", "/a;b/../c"},
		"/日本?ä":                {"www", "/%E6%97%A5%E6%9C%AC?ä"},
		"http://h":             {"h", "/"},
		"http://h?q=%zz":       {"h", "/?q=%zz"},
		"https://H:8443/%2f/?": {"h:8443", "/%2f/?"},
		"http://[::1]:80/a":    {"[::1]", "/a"},
		"https://h:443/tls":    {"h", "/tls"},
	} {
		if diff := cmp.Diff([]cache.Outcome{stored}, e.preload(t, route)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", route, diff)
		}
		all := got.take()
		if len(all) != 1 || all[0].RequestURI != row.target || all[0].Method != "GET" {
			t.Fatalf("%s: the origin sees %v", route, all)
		}
		if a := e.asHost(t, row.host, row.target); !strings.HasPrefix(a.cache, "hit; ttl=") || a.body != row.target {
			t.Errorf("%s: a client gets %q, %q", route, a.body, a.cache)
		}
	}
}

// TestPreloadedOfThisOriginOnly: a URL is a key; it never says whom to ask.
func TestPreloadedOfThisOriginOnly(t *testing.T) {
	t.Parallel()
	other := newOrigin(t, func(http.ResponseWriter, *http.Request) { t.Error("another origin is asked") })
	host := strings.TrimPrefix(other, "http://")
	origin, got := newPages(t)
	e := newEdge(t, origin, upstream.Config{}, nil)
	for _, route := range []string{other + "/a", "https://" + host + "/b", "http://user:secret@" + host + "/c"} {
		e.preload(t, route)
		all := got.take()
		if len(all) != 1 || "http://"+all[0].Host != origin {
			t.Fatalf("%s: the origin sees %v", route, all)
		}
		want := http.Header{"Via": {"1.1 ringcast"}, "X-Forwarded-Host": {host}, "X-Forwarded-Proto": {"http"}}
		if diff := cmp.Diff(want, all[0].Header); diff != "" {
			t.Errorf("%s: header (-want +got):\n%s", route, diff)
		}
		if a := e.asHost(t, host, all[0].RequestURI); !strings.HasPrefix(a.cache, "hit") {
			t.Errorf("%s: a client gets %q", route, a.cache)
		}
	}
}

func TestPreloadOfNoRoute(t *testing.T) {
	t.Parallel()
	e := newEdge(t, newOrigin(t, func(_ http.ResponseWriter, r *http.Request) { t.Error("asked", r.RequestURI) }), upstream.Config{Hosts: []string{"www"}}, nil)
	for _, route := range []string{
		"", "*", "a", "a/b", "?a", "www/a", "x:opaque", "http:", "http:a", "http:/a", "http://", "http:///a", "http://:80/a", "ftp://h/a", "file:///a",
		"/%zz", "http://h/%", "http://[::1/", "/a\n", "http://h:x/", "http://\u212a/", "http://a|b/",
	} {
		if got := e.preload(t, route); got != nil {
			t.Errorf("%q: %v", route, got)
		}
	}
	e = newEdge(t, "http://127.0.0.1:1", upstream.Config{}, nil)
	if got := e.preload(t, "/a"); got != nil {
		t.Errorf("without a host: %v", got)
	}
}

// TestHostsOfAPath: those for which clients had something stored several times, the
// most often first, and until there are any those of the configuration.
func TestHostsOfAPath(t *testing.T) {
	t.Parallel()
	got, pages := new(asked), 0
	e := newEdge(t, newOrigin(t, func(w http.ResponseWriter, r *http.Request) {
		got.add(r)
		if r.URL.Path != "/own" {
			w.Header().Set("Cache-Control", "max-age=60")
		}
	}), upstream.Config{Hosts: []string{"first", "second"}}, nil)
	check := func(route string, want ...string) {
		t.Helper()
		got.take()
		outcomes := e.preload(t, route)
		var hosts []string
		for _, r := range got.take() {
			hosts = append(hosts, r.Header.Get("X-Forwarded-Host"))
		}
		if diff := cmp.Diff(want, hosts); diff != "" || len(outcomes) != len(want) {
			t.Errorf("%s: %d outcomes, hosts (-want +got):\n%s", route, len(outcomes), diff)
		}
	}
	check("/1", "first", "second")
	e.asHost(t, "uncached", "/own")
	check("http://of-a-hint/", "of-a-hint")
	check("/2", "first", "second")
	store := func(host string, times int) {
		for range times {
			pages++
			e.asHost(t, host, fmt.Sprint("/page/", pages))
		}
	}
	store("A.example", 2)
	store("b.example", 4)
	store("second", 5)
	check("/3", "second", "b.example")
	store("a.EXAMPLE", 1)
	check("/4", "second", "b.example", "a.example")
	store("a.example:80", 2)
	check("/5", "a.example", "second", "b.example")
	for i := range 9 {
		store(fmt.Sprint("h", i), 3)
	}
	check("/6", "a.example", "second", "b.example", "h8", "h7", "h6", "h5", "h4")
}

// TestPreloadOfWhatIsStored: fresh, nothing is asked; stale, also where stale
// answers are allowed, it is.
func TestPreloadOfWhatIsStored(t *testing.T) {
	t.Parallel()
	var now, version atomic.Int64
	var observed atomic.Int64
	e := newEdge(t, newOrigin(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header()["Date"] = nil // the clock is not the origin's
		w.Header().Set("Cache-Control", "max-age=10"+strings.TrimPrefix(r.URL.RawQuery, "none"))
		w.Header().Set("ETag", fmt.Sprintf(`"%d"`, version.Load()))
		if r.Header.Get("If-None-Match") == w.Header().Get("ETag") {
			w.WriteHeader(http.StatusNotModified)
			return
		}
		_, _ = fmt.Fprint(w, version.Load())
	}), upstream.Config{Observe: func(cache.Outcome) { observed.Add(1) }}, func() time.Time { return time.Unix(1_800_000_000+now.Load(), 0) })
	for _, target := range []string{"/?none", "/?,stale-while-revalidate=1000"} {
		route := "http://www" + target
		check := func(what string, asked int64, want cache.Outcome) {
			t.Helper()
			before := observed.Load()
			if diff := cmp.Diff([]cache.Outcome{want}, e.preload(t, route)); diff != "" {
				t.Errorf("%s, %s (-want +got):\n%s", route, what, diff)
			}
			if got := observed.Load() - before; got != asked {
				t.Errorf("%s, %s: %d outcomes are observed", route, what, got)
			}
		}
		stale := cache.Outcome{Reason: cache.Stale, Status: 200, Stored: true}
		check("nothing", 1, stored)
		now.Add(9)
		check("fresh", 0, cache.Outcome{Hit: true, TTL: 1, HasTTL: true})
		now.Add(11)
		version.Add(1)
		check("stale", 1, stale)
		stale.Status = http.StatusNotModified
		now.Add(20)
		check("stale and confirmed", 1, stale)
		now.Add(20)
		check("stale and confirmed again", 1, stale)
		if a := e.asHost(t, "www", target); a.cache != "hit; ttl=10" || a.body != fmt.Sprint(version.Load()) {
			t.Errorf("%s: a client gets %q, %q", route, a.body, a.cache)
		}
	}
}

// TestPreloadAfterAFailure: one that could not refresh leaves it to the next.
func TestPreloadAfterAFailure(t *testing.T) {
	t.Parallel()
	var now atomic.Int64
	var broken atomic.Bool
	e := newEdge(t, newOrigin(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header()["Date"] = nil // the clock is not the origin's
		w.Header().Set("Cache-Control", "max-age=10, stale-while-revalidate=1000")
		if broken.Load() {
			panic(http.ErrAbortHandler)
		}
	}), upstream.Config{}, func() time.Time { return time.Unix(1_800_000_000+now.Load(), 0) })
	e.preload(t, "http://www/")
	now.Store(20)
	for _, broke := range []bool{true, false} {
		broken.Store(broke)
		if got := e.preload(t, "http://www/"); len(got) != 1 || got[0].Reason != cache.Stale || got[0].Stored == broke {
			t.Errorf("broken %t: %v", broke, got)
		}
	}
}

// TestPreloadSharesAFetch with a client, whoever is the first.
func TestPreloadSharesAFetch(t *testing.T) {
	t.Parallel()
	var questions atomic.Int64
	arrived, release := make(chan struct{}), make(chan struct{})
	e := newEdge(t, newOrigin(t, func(w http.ResponseWriter, _ *http.Request) {
		questions.Add(1)
		w.Header().Set("Cache-Control", "max-age=60")
		_ = http.NewResponseController(w).Flush()
		arrived <- struct{}{}
		<-release
		_, _ = io.WriteString(w, "body")
	}), upstream.Config{}, nil)
	client := make(chan answer)
	go func() { client <- e.asHost(t, "www", "/client-first") }()
	<-arrived
	got := e.preload(t, "http://www/client-first") // and does not wait for the body
	if want := []cache.Outcome{{Reason: cache.URIMiss, Status: 200, Collapsed: true}}; !cmp.Equal(want, got) {
		t.Errorf("the preload: %v", got)
	}
	release <- struct{}{}
	if a := <-client; a.body != "body" || a.cache != "fwd=uri-miss; fwd-status=200; stored" {
		t.Errorf("the client: %q, %q", a.body, a.cache)
	}

	preloaded := make(chan []cache.Outcome)
	go func() { preloaded <- e.preload(t, "http://www/preload-first") }()
	<-arrived
	go func() { client <- e.asHost(t, "www", "/preload-first") }()
	go func() { // a client that comes just as the fetch ends asks once more
		for {
			select {
			case <-arrived:
			case release <- struct{}{}:
			case <-t.Context().Done():
				return
			}
		}
	}()
	if a := <-client; a.body != "body" {
		t.Errorf("the client: %q, %q", a.body, a.cache)
	}
	if got := <-preloaded; !cmp.Equal([]cache.Outcome{stored}, got) {
		t.Errorf("the preload: %v", got)
	}
	if questions.Load() > 3 {
		t.Errorf("the origin was asked %d times, want 2, or 3 at the worst", questions.Load())
	}
}

// TestPreloadOfWhatMayNotBeStored does not read it: it may be long.
func TestPreloadOfWhatMayNotBeStored(t *testing.T) {
	t.Parallel()
	left := make(chan struct{})
	e := newEdge(t, newOrigin(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Cache-Control", "no-store")
		for r.Context().Err() == nil {
			_, _ = io.WriteString(w, strings.Repeat("x", 1<<16))
		}
		close(left)
	}), upstream.Config{}, nil)
	want := []cache.Outcome{{Reason: cache.URIMiss, Status: 200}}
	if diff := cmp.Diff(want, e.preload(t, "http://www/")); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	<-left
}

// TestPreloadWithoutAWholeAnswer has the Status 0, also where a stale response
// stands in for clients, and stores nothing.
func TestPreloadWithoutAWholeAnswer(t *testing.T) {
	t.Parallel()
	var now atomic.Int64
	origin := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header()["Date"] = nil // the clock is not the origin's
		w.Header().Set("Cache-Control", "max-age=10, stale-if-error=1000")
		if r.URL.Path == "/broken" {
			w.Header().Set("Content-Length", "100")
			_, _ = io.WriteString(w, "part")
			_ = http.NewResponseController(w).Flush()
			panic(http.ErrAbortHandler)
		}
		if r.URL.Path == "/error" {
			w.WriteHeader(http.StatusInternalServerError)
		}
	}))
	e := newEdge(t, origin.URL, upstream.Config{}, func() time.Time { return time.Unix(1_800_000_000+now.Load(), 0) })
	check := func(what, route string, want cache.Outcome) {
		t.Helper()
		if diff := cmp.Diff([]cache.Outcome{want}, e.preload(t, route)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", what, diff)
		}
	}
	for range 2 {
		check("broken off", "http://www/broken", cache.Outcome{Reason: cache.URIMiss})
	}
	check("stored", "http://www/", stored)
	check("an error that may be stored", "http://www/error", cache.Outcome{Reason: cache.URIMiss, Status: 500, Stored: true})
	origin.Close()
	now.Store(20)
	check("origin down", "http://www/other", cache.Outcome{Reason: cache.URIMiss})
	check("origin down, and a stale one is there", "http://www/", cache.Outcome{Reason: cache.Stale, TTL: -10, HasTTL: true})
}

// TestPreloadEndsWithItsContext although the origin goes on.
func TestPreloadEndsWithItsContext(t *testing.T) {
	t.Parallel()
	arrived := make(chan struct{})
	e := newEdge(t, newOrigin(t, func(_ http.ResponseWriter, r *http.Request) {
		close(arrived)
		<-r.Context().Done()
	}), upstream.Config{}, nil)
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan []cache.Outcome)
	go func() { done <- e.handler.(*upstream.Handler).Preload(ctx, "http://www/") }()
	<-arrived
	cancel()
	if got := <-done; len(got) != 1 || got[0].Status != 0 || got[0].Stored {
		t.Errorf("got %v", got)
	}
}
