package upstream_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/ringcast/ringcast/edgeproxy/upstream"
)

// TestFetchForNobodyCompletes: what is to be stored is worth an end.
func TestFetchForNobodyCompletes(t *testing.T) {
	t.Parallel()
	d := newDrip(forAMinute)
	e := newEdge(t, newOrigin(t, d.ServeHTTP), upstream.Config{}, nil)
	left := make(chan struct{})
	front := newOrigin(t, func(w http.ResponseWriter, r *http.Request) {
		defer close(left)
		e.handler.ServeHTTP(w, r)
	})
	ctx, cancel := context.WithCancel(t.Context())
	r, _ := http.NewRequestWithContext(ctx, "GET", front, nil)
	r.Host = strings.TrimPrefix(e.url, "http://")
	res, err := e.client.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	d.send(t, "one ")
	if _, err := io.ReadFull(res.Body, make([]byte, 4)); err != nil {
		t.Fatal(err)
	}
	cancel()
	<-left // the edge knows
	d.send(t, "two")
	d.send(t, "")
	if a := e.stored(t, "/"); a.body != "one two" || !strings.HasPrefix(a.cache, "hit") {
		t.Errorf("stored: %q, %q", a.body, a.cache)
	}
}

// TestFetchForNobodyEnds where nothing comes of it.
func TestFetchForNobodyEnds(t *testing.T) {
	t.Parallel()
	for name, header := range map[string]func(http.Header){
		"not to be stored": func(h http.Header) { h.Set("Cache-Control", "no-store") },
		"too long":         forAMinute, // with what is sent below
		"said to be so":    func(h http.Header) { forAMinute(h); h.Set("Content-Length", fmt.Sprint(17<<20)) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := newDrip(header)
			e := newEdge(t, newOrigin(t, d.ServeHTTP), upstream.Config{}, nil)
			ctx, cancel := context.WithCancel(t.Context())
			e.open(ctx, t, "/")
			cancel()
			part := strings.Repeat("x", 1<<20)
			for sent := 0; ; sent++ {
				select {
				case d.parts <- part:
				case err := <-d.ended:
					if err == nil || sent > 40 {
						t.Errorf("ended with %v after %d MiB", err, sent)
					}
					return
				}
			}
		})
	}
}

// TestLeaverDoesNotHoldUpTheOrigin: requests that are given up before the origin
// answers leave nothing behind.
func TestLeaverDoesNotHoldUpTheOrigin(t *testing.T) {
	t.Parallel()
	asked, gone := make(chan struct{}), make(chan struct{})
	e := newEdge(t, newOrigin(t, func(_ http.ResponseWriter, r *http.Request) {
		close(asked)
		<-r.Context().Done()
		close(gone)
	}), upstream.Config{}, nil)
	ctx, cancel := context.WithCancel(t.Context())
	go func() {
		<-asked
		cancel()
	}()
	if a := e.do(ctx, "GET", "/"); a.err == nil {
		t.Error("an answer")
	}
	select {
	case <-gone:
	case <-time.After(20 * time.Second):
		t.Error("the origin still works for nobody")
	}
}
