package upstream_test

import (
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/ringcast/ringcast/edgeproxy/cache"
	"github.com/ringcast/ringcast/edgeproxy/upstream"
)

// stage is an edge and an origin that say what a rule wants.
type stage struct {
	*edge
	now      atomic.Int64 // Unix seconds
	base     int64        // when the rule began
	path     string
	outcomes chan cache.Outcome

	mu    sync.Mutex // guards what the origin knows
	t     *testing.T
	says  []says
	asked int
}

// stageStart is when the first rule begins.
const stageStart = 1_800_000_000

func newStage(t *testing.T, edits ...func(*cache.Config)) *stage {
	s := &stage{outcomes: make(chan cache.Outcome, 16)}
	s.now.Store(stageStart)
	observe := func(o cache.Outcome) { s.outcomes <- o }
	s.edge = newEdge(t, newOrigin(t, s.answer), upstream.Config{Observe: observe},
		func() time.Time { return time.Unix(s.now.Load(), 0) }, edits...)
	return s
}

// runRules plays each rule on a URL of its own, an hour after the one before.
func runRules(t *testing.T, rules []rule, edits ...func(*cache.Config)) {
	t.Helper()
	t.Parallel()
	s := newStage(t, edits...)
	for i, r := range rules {
		t.Run(r.name, func(t *testing.T) {
			s.base, s.path = s.now.Add(3600), "/"+strconv.Itoa(i)
			for n, step := range r.steps {
				s.play(t, n+1, step)
			}
		})
	}
}

func (s *stage) play(t *testing.T, n int, step step) {
	t.Helper()
	s.now.Add(int64(step.after))
	s.mu.Lock()
	s.t, s.says, s.asked = t, step.says, 0
	s.mu.Unlock()
	a := s.do(t.Context(), step.method, s.path, s.dated(step.fields)...)
	if a.err != nil {
		t.Fatalf("step %d: %v", n, a.err)
	}
	within(t, s.outcomes)
	if step.refreshes {
		within(t, s.outcomes)
		s.awaitFresh(t)
	}
	if step.stores {
		s.awaitFresh(t)
	}
	if got := strings.TrimSpace(fmt.Sprintf("%d %s", a.StatusCode, a.body)); got != step.answer || a.cache != step.cache {
		t.Errorf("step %d: %q, %q, want %q, %q", n, got, a.cache, step.answer, step.cache)
	}
	s.compare(t, fmt.Sprintf("step %d: the answer", n), a.Header, step.header)
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.asked != len(step.says) {
		t.Errorf("step %d: the origin was asked %d times, want %d", n, s.asked, len(step.says))
	}
}

// awaitFresh returns when something fresh is stored, or the origin has failed.
func (s *stage) awaitFresh(t *testing.T) {
	t.Helper()
	for end := time.Now().Add(patience); s.mayComeYet(); {
		a := s.do(t.Context(), "GET", s.path, "Cache-Control: only-if-cached, min-fresh=1")
		within(t, s.outcomes)
		if a.err != nil || a.StatusCode == http.StatusOK {
			return
		}
		if time.Now().After(end) {
			t.Fatal("nothing is stored")
		}
	}
}

func (s *stage) mayComeYet() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return !slices.ContainsFunc(s.says, func(says says) bool { return strings.HasPrefix(says.answer, "5") })
}

// patience is for what does not happen where there is a fault.
const patience = 20 * time.Second

// within gives what comes, and ends the test where nothing does.
func within[T any](t *testing.T, c <-chan T) (v T) {
	t.Helper()
	select {
	case v = <-c:
	case <-time.After(patience):
		t.Fatal("nothing came of it")
	}
	return v
}

// answer is the origin.
func (s *stage) answer(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.asked++; s.asked > len(s.says) {
		w.WriteHeader(http.StatusTeapot)
		return
	}
	says := s.says[s.asked-1]
	s.compare(s.t, "the origin's question", r.Header, says.sees)
	s.now.Add(int64(says.takes))
	h := w.Header()
	h["Date"], h["Content-Type"] = nil, nil // the clock is the edge's
	for _, field := range s.dated(says.fields) {
		name, value, _ := strings.Cut(field, ": ")
		h.Add(name, value)
	}
	status, body, _ := strings.Cut(says.answer, " ")
	code, err := strconv.Atoi(status)
	if err != nil {
		s.t.Error(err)
	}
	w.WriteHeader(code)
	_, _ = w.Write([]byte(body))
}

func (s *stage) compare(t *testing.T, what string, h http.Header, want []string) {
	t.Helper()
	lines := map[string][]string{}
	for _, field := range s.dated(want) {
		if name, ok := strings.CutPrefix(field, "!"); ok {
			if got, found := h[http.CanonicalHeaderKey(name)]; found {
				t.Errorf("%s has %s: %q", what, name, got)
			}
			continue
		}
		name, value, _ := strings.Cut(field, ": ")
		lines[name] = append(lines[name], value)
	}
	for name, want := range lines {
		if got := h.Values(name); !slices.Equal(got, want) {
			t.Errorf("%s has %s: %q, want %q", what, name, got, want)
		}
	}
}

var offset = regexp.MustCompile(`\{(rfc850|asctime)?([+-]\d+)\}`)

var dateForms = map[string]string{"": http.TimeFormat, "rfc850": "Monday, 02-Jan-06 15:04:05 GMT", "asctime": time.ANSIC}

// dated puts dates in the place of offsets.
func (s *stage) dated(fields []string) []string {
	dated := make([]string, len(fields))
	for i, field := range fields {
		dated[i] = offset.ReplaceAllStringFunc(field, func(o string) string {
			parts := offset.FindStringSubmatch(o)
			seconds, _ := strconv.ParseInt(parts[2], 10, 64)
			return time.Unix(s.base+seconds, 0).UTC().Format(dateForms[parts[1]])
		})
	}
	return dated
}
