package upstream_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/ringcast/ringcast/edgeproxy/upstream"
)

func TestSlowClientStallsNobody(t *testing.T) {
	t.Parallel()
	const size = 12 << 20 // more than sockets hold
	var asked atomic.Int64
	half := make(chan struct{})
	e := newEdge(t, newOrigin(t, func(w http.ResponseWriter, _ *http.Request) {
		asked.Add(1)
		w.Header().Set("Cache-Control", "max-age=60")
		part := strings.Repeat("x", size/2)
		_, _ = io.WriteString(w, part)
		_ = http.NewResponseController(w).Flush()
		<-half
		_, _ = io.WriteString(w, part)
	}), upstream.Config{}, nil)
	slow, err := e.client.Get(e.url) // reads nothing yet
	if err != nil {
		t.Fatal(err)
	}
	defer slow.Body.Close()
	quick, err := e.client.Get(e.url)
	if err != nil {
		t.Fatal(err)
	}
	defer quick.Body.Close()
	n, err := io.CopyN(io.Discard, quick.Body, size/2)
	close(half)
	m, err2 := io.Copy(io.Discard, quick.Body)
	if err = errors.Join(err, err2); err != nil || n+m != size {
		t.Errorf("the quick one read %d and %d bytes, %v", n, m, err)
	}
	if n, err := io.Copy(io.Discard, slow.Body); n != size || err != nil {
		t.Errorf("the slow one read %d bytes, %v", n, err)
	}
	if asked.Load() != 1 {
		t.Errorf("the origin was asked %d times", asked.Load())
	}
}

func TestFirstClientLeaves(t *testing.T) {
	t.Parallel()
	var asked atomic.Int64
	arrived, release := make(chan struct{}), make(chan struct{})
	e := newEdge(t, newOrigin(t, func(w http.ResponseWriter, _ *http.Request) {
		asked.Add(1)
		w.Header().Set("Cache-Control", "max-age=60")
		_ = http.NewResponseController(w).Flush()
		close(arrived)
		<-release
		_, _ = io.WriteString(w, "body")
	}), upstream.Config{}, nil)
	ctx, cancel := context.WithCancel(t.Context())
	first := make(chan error)
	go func() { first <- e.do(ctx, "GET", "/").err }()
	<-arrived
	second, err := e.client.Get(e.url)
	if err != nil {
		t.Fatal(err)
	}
	defer second.Body.Close()
	cancel()
	if err := <-first; !errors.Is(err, context.Canceled) {
		t.Errorf("the first: %v", err)
	}
	close(release)
	if body, err := io.ReadAll(second.Body); string(body) != "body" || err != nil || asked.Load() != 1 {
		t.Errorf("the second: %q, %v, after %d questions", body, err, asked.Load())
	}
}

func TestBrokenTransfersStayBroken(t *testing.T) {
	t.Parallel()
	var asked atomic.Int64
	e := newEdge(t, newOrigin(t, func(w http.ResponseWriter, r *http.Request) {
		asked.Add(1)
		w.Header().Set("Cache-Control", "max-age=60")
		if r.URL.Path == "/length" {
			w.Header().Set("Content-Length", "100")
		}
		_, _ = io.WriteString(w, "part")
		_ = http.NewResponseController(w).Flush()
		panic(http.ErrAbortHandler)
	}), upstream.Config{}, nil)
	for _, target := range []string{"/length", "/chunked"} {
		for range 2 {
			if a := e.do(t.Context(), "GET", target); a.err == nil {
				t.Errorf("%s: a clean end after %q, %q", target, a.body, a.cache)
			}
		}
	}
	if asked.Load() != 4 {
		t.Errorf("the origin was asked %d times, want 4", asked.Load())
	}
}

func BenchmarkHit(b *testing.B) {
	e := newEdge(b, newOrigin(b, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Cache-Control", "max-age=600")
		_, _ = io.WriteString(w, strings.Repeat("x", 1024))
	}), upstream.Config{}, nil)
	b.ReportAllocs()
	for b.Loop() {
		if a := e.get(b, "/"); len(a.body) != 1024 {
			b.Fatal(a.body)
		}
	}
}
