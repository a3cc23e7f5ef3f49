package upstream_test

import (
	"fmt"
	"io"
	"net/http"
	"net/netip"
	"strings"
	"testing"

	"github.com/ringcast/ringcast/edgeproxy/upstream"
)

const tooLarge = `{"error":"body_too_large"}` + "\n"

// newCounter is an origin that tells how long a body was, and how it ended.
func newCounter(t *testing.T) (url string, ends chan error) {
	ends = make(chan error, 100)
	return newOrigin(t, func(w http.ResponseWriter, r *http.Request) {
		n, err := io.Copy(io.Discard, r.Body)
		ends <- err
		_, _ = fmt.Fprint(w, n)
	}), ends
}

func TestBodiesAreLimited(t *testing.T) {
	t.Parallel()
	const size = 100_000
	origin, ends := newCounter(t)
	refused := make(chan string, 100)
	limited := newEdge(t, origin, upstream.Config{
		MaxBody: size,
		Refused: func(who netip.Addr, status int, reason string) { refused <- fmt.Sprintln(who, status, reason) },
	}, nil)
	unlimited := newEdge(t, origin, upstream.Config{}, nil)
	for _, tt := range []struct {
		e                *edge
		length, status   int
		announced, asked bool
	}{
		{limited, size, 200, true, true},
		{limited, size, 200, false, true},
		{limited, size + 1, 413, true, false},
		{limited, size + 1, 413, false, true},
		{limited, 10 * size, 413, false, true},
		{unlimited, 10 * size, 200, true, true},
		{unlimited, 10 * size, 200, false, true},
	} {
		var body io.Reader = strings.NewReader(strings.Repeat("x", tt.length))
		if !tt.announced {
			body = io.MultiReader(body)
		}
		r, err := http.NewRequestWithContext(t.Context(), "POST", tt.e.url, body)
		if err != nil {
			t.Fatal(err)
		}
		a := tt.e.send(r)
		want := fmt.Sprint(tt.length)
		if tt.status == 413 {
			want = tooLarge
		}
		if a.err != nil || a.StatusCode != tt.status || a.body != want {
			t.Fatalf("%+v: %+v", tt, a)
		}
		if !tt.asked {
			continue
		}
		if err := <-ends; (err == nil) != (tt.status == 200) {
			t.Errorf("%+v: the body ends with %v for the origin", tt, err)
		}
	}
	if len(refused) != 3 {
		t.Errorf("%d were told of", len(refused))
	}
	for range len(refused) {
		if got := <-refused; got != "127.0.0.1 413 body_too_large\n" {
			t.Errorf("told of %s", got)
		}
	}
	if len(ends) > 0 {
		t.Error("the origin was asked of what is too long")
	}
}

// TestRefusedBeforeItIsSent: who asks whether to send a body is not told to.
func TestRefusedBeforeItIsSent(t *testing.T) {
	t.Parallel()
	e := newEdge(t, newOrigin(t, func(http.ResponseWriter, *http.Request) { t.Error("asked") }), upstream.Config{MaxBody: 10}, nil)
	for _, method := range []string{"POST", "GET", "MADE-UP"} {
		a := e.raw(t, method+" / HTTP/1.1\r\nHost: h\r\nContent-Length: 11\r\nExpect: 100-continue\r\n\r\n")
		if a.StatusCode != 413 || a.body != tooLarge || !a.Close || a.Header.Get("Content-Type") != "application/json" {
			t.Errorf("%s: %d %q, %v", method, a.StatusCode, a.body, a.Header)
		}
	}
}

// TestTrailersOfRequestsGoNoFurther: nobody has looked at them when the request
// passes.
func TestTrailersOfRequestsGoNoFurther(t *testing.T) {
	t.Parallel()
	trailers := make(chan http.Header, 1)
	e := newEdge(t, newOrigin(t, func(_ http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		trailers <- r.Trailer
	}), who, nil)
	e.raw(t, "POST / HTTP/1.1\r\nHost: h\r\nConnection: close\r\nTransfer-Encoding: chunked\r\nTrailer: X-User\r\n\r\n1\r\nx\r\n0\r\nX-User: evil\r\n\r\n")
	if got := <-trailers; len(got.Values("X-User")) > 0 {
		t.Errorf("the origin gets %v", got)
	}
}
