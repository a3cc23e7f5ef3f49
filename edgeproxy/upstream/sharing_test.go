package upstream_test

import (
	"bufio"
	"context"
	"io"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/ringcast/ringcast/edgeproxy/upstream"
	"github.com/ringcast/ringcast/internal/wire"
)

// drip is an origin whose answers come in parts, each when the test says so.
type drip struct {
	header func(h http.Header)
	parts  chan string // an empty one ends the answer
	asked  atomic.Int64
	ended  chan error // of the answers that nobody wanted to the end
}

func newDrip(header func(http.Header)) *drip {
	return &drip{header: header, parts: make(chan string), ended: make(chan error, 10)}
}

func (d *drip) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	d.asked.Add(1)
	d.header(w.Header())
	control := http.NewResponseController(w)
	_ = control.Flush()
	for {
		select {
		case part := <-d.parts:
			if part == "" {
				return
			}
			_, _ = io.WriteString(w, part)
			_ = control.Flush()
		case <-r.Context().Done():
			d.ended <- r.Context().Err()
			return
		}
	}
}

// send gives the origin that is asked its next part.
func (d *drip) send(t *testing.T, part string) {
	t.Helper()
	select {
	case d.parts <- part:
	case err := <-d.ended:
		t.Fatalf("the fetch was ended: %v", err)
	case <-time.After(20 * time.Second):
		t.Fatal("no fetch waits for more")
	}
}

func forAMinute(h http.Header) { h.Set("Cache-Control", "max-age=60") }

// open begins a request and returns when the header has come.
func (e *edge) open(ctx context.Context, t *testing.T, target string) *http.Response {
	t.Helper()
	r, err := http.NewRequestWithContext(ctx, "GET", e.url+target, nil)
	if err != nil {
		t.Fatal(err)
	}
	res, err := e.client.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { res.Body.Close() })
	return res
}

// stored waits until a response is stored.
func (e *edge) stored(t *testing.T, target string) answer {
	t.Helper()
	for deadline := time.Now().Add(20 * time.Second); time.Now().Before(deadline); {
		if a := e.get(t, target, "Cache-Control: only-if-cached"); a.StatusCode != http.StatusGatewayTimeout {
			return a
		}
	}
	t.Fatal("nothing is stored")
	return answer{}
}

func TestWaitersStreamWhileTheFillGoesOn(t *testing.T) {
	t.Parallel()
	d := newDrip(forAMinute)
	e := newEdge(t, newOrigin(t, d.ServeHTTP), upstream.Config{}, nil)
	first := bufio.NewReader(e.open(t.Context(), t, "/").Body)
	d.send(t, "one\n")
	if line, err := first.ReadString('\n'); line != "one\n" {
		t.Fatalf("the first reads %q, %v", line, err)
	}
	res := e.open(t.Context(), t, "/")
	if got := res.Header.Get("Cache-Status"); got != "ringcast; fwd=uri-miss; fwd-status=200; collapsed" {
		t.Errorf("the waiter: %q", got)
	}
	waiter := bufio.NewReader(res.Body)
	for i, want := range []string{"one\n", "two\n", "three\n"} {
		if i > 0 {
			d.send(t, want)
			if line, err := first.ReadString('\n'); line != want {
				t.Fatalf("the first reads %q, %v", line, err)
			}
		}
		if line, err := waiter.ReadString('\n'); line != want {
			t.Fatalf("the waiter reads %q, %v", line, err)
		}
	}
	d.send(t, "")
	for _, r := range []io.Reader{first, waiter} {
		if rest, err := io.ReadAll(r); len(rest) > 0 || err != nil {
			t.Errorf("at the end: %q, %v", rest, err)
		}
	}
	if a := e.get(t, "/"); a.body != "one\ntwo\nthree\n" || !strings.HasPrefix(a.cache, "hit") || d.asked.Load() != 1 {
		t.Errorf("then: %q, %q after %d questions", a.body, a.cache, d.asked.Load())
	}
}

// TestUncacheableAnswersDoNotSerialise: after the first, each request has a fetch
// of its own at once. The origin answers none of them before all have asked.
func TestUncacheableAnswersDoNotSerialise(t *testing.T) {
	t.Parallel()
	for name, header := range map[string]string{
		"no-store": "Cache-Control: no-store", "private": "Cache-Control: private", "max-age=0 and ETag": "Cache-Control: max-age=0",
		"no-cache and ETag": "Cache-Control: no-cache", "nothing": "X: y", "a cookie": "Set-Cookie: a=b",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			const clients = 20
			all := make(chan struct{})
			var asked atomic.Int64
			e := newEdge(t, newOrigin(t, func(w http.ResponseWriter, _ *http.Request) {
				if n := asked.Add(1); n == clients+1 {
					close(all)
				} else if n > 1 {
					select {
					case <-all:
					case <-time.After(20 * time.Second):
						t.Errorf("only %d have asked", n)
					}
				}
				field, value, _ := strings.Cut(header, ": ")
				w.Header().Set(field, value)
				if strings.HasSuffix(name, "ETag") {
					w.Header().Set("ETag", `"1"`)
				}
				_, _ = io.WriteString(w, "body")
			}), upstream.Config{}, atEight)
			e.get(t, "/")
			var running sync.WaitGroup
			for range clients {
				running.Go(func() {
					if a := e.do(t.Context(), "GET", "/"); a.err != nil || a.body != "body" || strings.Contains(a.cache, "collapsed") {
						t.Errorf("%q, %q, %v", a.body, a.cache, a.err)
					}
				})
			}
			running.Wait()
		})
	}
}

// TestWaiterAfterAnInvalidation of a body that is on its way does not get it.
func TestWaiterAfterAnInvalidation(t *testing.T) {
	t.Parallel()
	d := newDrip(func(h http.Header) { forAMinute(h); h.Set("Cache-Tag", "a") })
	e := newEdge(t, newOrigin(t, d.ServeHTTP), upstream.Config{}, nil)
	before := e.open(t.Context(), t, "/")
	e.invalidate(t, &wire.CacheInvalidated{Tags: []string{"a"}})
	after := e.open(t.Context(), t, "/")
	if got := after.Header.Get("Cache-Status"); got != "ringcast; fwd=uri-miss; fwd-status=200; stored" || d.asked.Load() != 2 {
		t.Errorf("who asked after it: %q, %d questions", got, d.asked.Load())
	}
	d.send(t, "")
	d.send(t, "")
	for _, res := range []*http.Response{before, after} {
		if _, err := io.ReadAll(res.Body); err != nil {
			t.Error(err)
		}
	}
}
