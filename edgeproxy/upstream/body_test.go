package upstream_test

import (
	"bytes"
	"io"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/ringcast/ringcast/edgeproxy/upstream"
)

// trickle is a client that sends a body, on a connection that knows deadlines.
type trickle struct {
	*httptest.ResponseRecorder
	bytes.Reader
	deadline time.Time
	endless  int // reads without a deadline
}

func (c *trickle) SetReadDeadline(t time.Time) error {
	c.deadline = t
	return nil
}

func (c *trickle) Read(p []byte) (int, error) {
	if !c.deadline.After(time.Now()) {
		c.endless++
	}
	return c.Reader.Read(p[:min(len(p), 1000)])
}

func (c *trickle) Close() error { return nil }

// TestEveryReadHasADeadline, and none is left at the end: the server goes on to
// watch the connection.
func TestEveryReadHasADeadline(t *testing.T) {
	t.Parallel()
	e := newEdge(t, newOrigin(t, func(w http.ResponseWriter, r *http.Request) {
		n, err := io.Copy(io.Discard, r.Body)
		if n != 5000 || err != nil {
			t.Error(n, err)
		}
	}), upstream.Config{}, nil)
	c := &trickle{ResponseRecorder: httptest.NewRecorder()}
	c.Reader.Reset(make([]byte, 5000))
	r := httptest.NewRequest("POST", "/", nil)
	r.Body, r.ContentLength = c, -1
	e.handler.ServeHTTP(c, r)
	if c.Code != 200 || c.endless > 0 || !c.deadline.IsZero() {
		t.Errorf("%d; %d reads without a deadline, the last until %v", c.Code, c.endless, c.deadline)
	}
}
