package upstream_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/ringcast/ringcast/edgeproxy/upstream"
)

// deadlines is a connection's writer that sees whether each write has an end.
type deadlines struct {
	*httptest.ResponseRecorder
	deadline time.Time
	endless  int  // writes and flushes without a deadline
	lifted   bool // the deadline was taken away
}

func (d *deadlines) SetWriteDeadline(t time.Time) error {
	d.deadline, d.lifted = t, d.lifted || t.IsZero()
	return nil
}

func (d *deadlines) Write(p []byte) (int, error) {
	d.check()
	return d.ResponseRecorder.Write(p)
}

func (d *deadlines) Flush() {
	d.check()
	d.ResponseRecorder.Flush()
}

func (d *deadlines) check() {
	if !d.bounded() {
		d.endless++
	}
}

func (d *deadlines) bounded() bool { return d.deadline.After(time.Now()) }

// TestEveryWriteHasADeadline, however the answer comes about, and so has what the
// server still writes after the handler's return. Between the parts of an answer
// that comes from the origin there is none, for as long as that takes.
func TestEveryWriteHasADeadline(t *testing.T) {
	t.Parallel()
	body := strings.Repeat("x", 200_000)
	e := newEdge(t, newOrigin(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Cache-Control", r.URL.Query().Get("control"))
		_, _ = io.WriteString(w, body)
	}), upstream.Config{}, nil)
	for target, outcomes := range map[string][]string{
		"/?control=max-age=60":                 {"fwd=uri-miss; fwd-status=200; stored", "hit; ttl=5"},
		"/?control=max-age=0,stale-if-error=9": {"fwd=uri-miss; fwd-status=200; stored", "fwd=stale; fwd-status=200; stored"},
		"/?control=no-store":                   {"fwd=uri-miss; fwd-status=200", "fwd=uri-miss; fwd-status=200"},
	} {
		for _, outcome := range outcomes {
			w := &deadlines{ResponseRecorder: httptest.NewRecorder()}
			e.handler.ServeHTTP(w, httptest.NewRequest("GET", target, nil))
			if got := w.Header().Get("Cache-Status"); !strings.HasPrefix(got, "ringcast; "+outcome) || w.Body.Len() != len(body) {
				t.Errorf("%s: %q with %d bytes", target, got, w.Body.Len())
			}
			if w.endless > 0 || !w.bounded() {
				t.Errorf("%s: %d writes without a deadline, the rest until %v", outcome, w.endless, w.deadline)
			}
			if passes := strings.HasPrefix(outcome, "fwd"); w.lifted != passes {
				t.Errorf("%s: the deadline is lifted: %v, want %v", outcome, w.lifted, passes)
			}
		}
	}
}

// TestTheEdgesOwnAnswersHaveADeadline as well: a client can ask for them without end.
func TestTheEdgesOwnAnswersHaveADeadline(t *testing.T) {
	t.Parallel()
	e := newEdge(t, "http://127.0.0.1:1", upstream.Config{}, nil)
	for method, status := range map[string]int{"TRACE": http.StatusMethodNotAllowed, "OPTIONS": http.StatusNoContent} {
		w, r := &deadlines{ResponseRecorder: httptest.NewRecorder()}, httptest.NewRequest(method, "/", nil)
		r.Header.Set("Max-Forwards", "0")
		if e.handler.ServeHTTP(w, r); w.Code != status || w.endless > 0 || !w.bounded() {
			t.Errorf("%s: %d, %d writes without a deadline, the rest until %v", method, w.Code, w.endless, w.deadline)
		}
	}
}
