package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/ringcast/ringcast/internal/wire"
)

// The beginning of every stream, which asks to be back at once, and its end.
const (
	connected = "retry: 1\nevent: connected\ndata: {\"client_id\":\"c\",\"epoch\":\"e\",\"head\":\"9\",\"heartbeat_seconds\":15,\"timestamp\":1}\n\n: heartbeat 0\n\n"
	synced    = "event: synced\ndata: {\"position\":\"9\"}\n\n"
)

func frame(id, eventType, data string) string {
	text := "event: " + eventType + "\ndata: " + data + "\n\n"
	if id != "" {
		text = "id: " + id + "\n" + text
	}
	return text
}

// turn is what one connection gets.
type turn struct {
	status int // 200 if 0
	body   string
	drop   bool // cut the connection, in place of an orderly end
	hold   bool // keep it open and say no more
}

// streamServer gives each connection its turn, and remembers what was asked for.
type streamServer struct {
	*httptest.Server
	turns []turn

	mu    sync.Mutex // guards asked
	asked []string
}

func serveStream(t testing.TB, turns ...turn) *streamServer {
	s := &streamServer{turns: turns}
	s.Server = httptest.NewServer(s)
	t.Cleanup(func() {
		s.CloseClientConnections()
		s.Close()
	})
	return s
}

func (s *streamServer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	n := len(s.asked)
	s.asked = append(s.asked, fmt.Sprintf("%s %s", r.URL, r.Header.Get("Last-Event-ID")))
	s.mu.Unlock()
	if n >= len(s.turns) {
		http.Error(w, "nobody should have come", http.StatusGone)
		return
	}
	next := s.turns[n]
	w.Header().Set("Content-Type", "text/event-stream")
	if next.status != 0 {
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(next.status)
	}
	fmt.Fprint(w, next.body)
	w.(http.Flusher).Flush()
	if next.hold {
		<-r.Context().Done()
	}
	if next.drop {
		panic(http.ErrAbortHandler)
	}
}

func (s *streamServer) tail(t testing.TB, args ...string) result {
	t.Helper()
	return ringcast(t, append([]string{"tail", "--http-server", s.URL}, args...)...)
}

func (s *streamServer) wantAsked(t testing.TB, want ...string) {
	t.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	if diff := cmp.Diff(want, s.asked); diff != "" {
		t.Errorf("asked for (-want +got):\n%s", diff)
	}
}

// ids gives type and id of each line of jsonl.
func ids(t testing.TB, text string) []string {
	t.Helper()
	var list []string
	for line := range strings.Lines(text) {
		var e struct {
			Type, ID, Position string
			Data               json.RawMessage
		}
		if err := json.Unmarshal([]byte(line), &e); err != nil || e.Data == nil || !strings.HasSuffix(e.ID, e.Position) {
			t.Fatalf("line %q: %v", line, err)
		}
		list = append(list, e.Type+" "+e.ID)
	}
	return list
}

// The connection is lost inside a unit; then the server is busy; then it goes on
// where the last whole unit ended.
func TestTailResumesWithoutARepeat(t *testing.T) {
	t.Parallel()
	s := serveStream(t,
		turn{body: connected + frame("e-1", "position", "{}") + synced +
			frame("e-2", "ip_banned", `{"ip":"192.0.2.1"}`) + frame("", "ip_banned", `{"ip":"192.0.2.2"}`) + "id: e-3\nevent: ip_ba", drop: true},
		turn{status: http.StatusServiceUnavailable, body: `{"message":"Server at capacity","details":[{"reason":"AT_CAPACITY"}]}`},
		turn{body: connected + frame("", "ip_banned", `{"ip":"192.0.2.2"}`) + frame("e-3", "ip_banned", `{"ip":"192.0.2.3"}`), drop: true},
		turn{body: connected + frame("e-4", "position", "{}")}, // an orderly end, but before synced
		turn{body: connected + frame("e-5", "mine", "not JSON") + synced},
	)
	r := s.tail(t, "--no-follow", "-o", "jsonl")
	r.want(t, exitDone, "e-5", "Server at capacity (AT_CAPACITY); trying again in")
	if !regexp.MustCompile(`lost the stream: .*; trying again in [12]ms\n`).MatchString(r.errOut) {
		t.Errorf("not back when the server asked for it: %q", r.errOut)
	}
	if diff := cmp.Diff([]string{"ip_banned e-2", "ip_banned e-3", "ip_banned e-3", "mine e-5"}, ids(t, r.out)); diff != "" {
		t.Errorf("printed (-want +got):\n%s", diff)
	}
	if !strings.Contains(r.out, `"data":{"ip":"192.0.2.2"}`) || !strings.Contains(r.out, `"data":{"ip":"192.0.2.3"}`) || !strings.Contains(r.out, `"data":"not JSON"`) {
		t.Errorf("data is not as it came: %s", r.out)
	}
	s.wantAsked(t, "/events?follow=false&last_event_id=latest ",
		"/events?follow=false e-2", "/events?follow=false e-2", "/events?follow=false e-3", "/events?follow=false e-4")
}

// watched is a buffer that tells when it has some text.
type watched struct {
	mu      sync.Mutex // guards what follows
	buf     bytes.Buffer
	changed chan struct{}
}

func (w *watched) Write(p []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	close(w.changed)
	w.changed = make(chan struct{})
	return w.buf.Write(p)
}

func (w *watched) wait(t testing.TB, text string) {
	t.Helper()
	late := time.After(10 * time.Second)
	for {
		w.mu.Lock()
		got, changed := w.buf.String(), w.changed
		w.mu.Unlock()
		if strings.Contains(got, text) {
			return
		}
		select {
		case <-changed:
		case <-late:
			t.Fatalf("%q did not come, but %q", text, got)
		}
	}
}

// Without --no-follow an orderly end is no end, and an interrupt no error.
func TestTailFollowsUntilInterrupted(t *testing.T) {
	t.Parallel()
	s := serveStream(t,
		turn{body: connected + synced + frame("e-1", "ip_banned", "{}") + frame("", "shutdown", `{"reason":"draining","message":"bye\u001b[2J"}`)},
		turn{body: connected + synced + frame("e-2", "ip_banned", "{}"), hold: true},
	)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	out, errOut := &watched{changed: make(chan struct{})}, &watched{changed: make(chan struct{})}
	code := make(chan int)
	go func() { code <- execute(ctx, nil, out, errOut, "tail", "--http-server", s.URL) }()
	out.wait(t, "e-2")
	errOut.wait(t, "ringcast: server: bye[2J\n")
	cancel()
	if got := <-code; got != exitDone {
		t.Errorf("exit code %d", got)
	}
	s.wantAsked(t, "/events?last_event_id=latest ", "/events e-1")
}

func TestTailBeginsWhereItIsTold(t *testing.T) {
	t.Parallel()
	for from, want := range map[string]string{
		"":    "/events?follow=false ",
		"e-7": "/events?follow=false&last_event_id=e-7 ",
		"7":   "/events?follow=false&last_event_id=7 ",
	} {
		s := serveStream(t, turn{body: connected + synced})
		s.tail(t, "--no-follow", "--last-event-id", from).want(t, exitDone, "", "")
		s.wantAsked(t, want)
	}
}

func TestTailAsksForAFilter(t *testing.T) {
	t.Parallel()
	s := serveStream(t, turn{body: connected + frame("e-1", "chat", "{}"), drop: true}, turn{body: connected + synced})
	s.tail(t, "--no-follow", "--channel", "room:*", "--channel", "b", "--type", "chat", "--tag", "a").want(t, exitDone, "chat", "trying again")
	s.wantAsked(t, "/events?channels=room%3A%2A%2Cb&follow=false&last_event_id=latest&tags=a&types=chat ",
		"/events?channels=room%3A%2A%2Cb&follow=false&tags=a&types=chat e-1")
}

func TestTailPrintsATable(t *testing.T) {
	t.Parallel()
	s := serveStream(t, turn{body: connected + frame("", "reset", `{"reason":"another log"}`) +
		frame("e-1", "cache_invalidated", `{"tags":["a"]}`) +
		frame("e-2", "x\x1b[2J", "a\u009d\u202eb\ndata: \x1b[31mc") +
		frame("", "gap", `{"from":"1","to":"9"}`) + frame("e-9", "position", "{}") + synced})
	r := s.tail(t, "--no-follow")
	want := result{
		exitDone,
		"TYPE               POSITION            DATA\n" +
			"cache_invalidated  e-1                 {\"tags\":[\"a\"]}\n" +
			"x[2J               e-2                 \"ab\\n\\u001b[31mc\"\n",
		"ringcast: reset: another log; what follows is the whole live state\n" +
			"ringcast: gap: short-lived events after 1, up to 9, are gone\n",
	}
	if diff := cmp.Diff(want, r, cmp.AllowUnexported(result{})); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestTailLinesAreSafeForTerminals(t *testing.T) {
	t.Parallel()
	s := serveStream(t, turn{body: connected + frame("e-1", "x\x1b\u202e", `{"a":"b`+"\u009d\u202e\U000e0001"+`"}`) + synced})
	r := s.tail(t, "--no-follow", "-o", "jsonl")
	want := `{"type":"x\u001b\u202e","id":"e-1","position":"1","data":{"a":"b\u009d\u202e\udb40\udc01"}}` + "\n"
	if r.out != want {
		t.Errorf("got %q, want %q", r.out, want)
	}
}

func TestTailPrintsControlFrames(t *testing.T) {
	t.Parallel()
	s := serveStream(t, turn{body: connected + frame("e-9", "position", "{}") + frame("", "report", "{}") + synced})
	r := s.tail(t, "--no-follow", "--control-frames", "-o", "json")
	if diff := cmp.Diff([]string{"connected ", "position e-9", "report ", "synced "}, ids(t, r.out)); diff != "" {
		t.Errorf("printed (-want +got):\n%s", diff)
	}
}

func TestTailGivesUp(t *testing.T) {
	t.Parallel()
	refused := func(status int) turn {
		return turn{status: status, body: `{"message":"no\u001b[2J","details":[{"reason":"NO"}]}`}
	}
	for name, test := range map[string]struct {
		turns []turn
		code  int
		want  string
	}{
		"refused":        {[]turn{refused(400)}, exitError, "ringcast: no[2J (NO)\n"},
		"not allowed":    {[]turn{refused(403)}, exitNotAllowed, "ringcast: no[2J (NO)\n"},
		"no credentials": {[]turn{refused(401)}, exitNotAllowed, "(NO)"},
		"busy at first":  {[]turn{refused(503)}, exitError, "(NO)"},
		"refused later":  {[]turn{{body: connected}, refused(400)}, exitError, "(NO)"},
		"something else": {[]turn{{status: 404, body: "<html>"}}, exitError, "answers 404 Not Found\n"},
		"another page":   {[]turn{{status: 200, body: "{}"}}, exitError, "is no event stream"},
		"no id":          {[]turn{{body: connected + frame("what?", "x", "y")}}, exitError, "not an event id"},
		"endless unit":   {[]turn{{body: connected + strings.Repeat(frame("", "x", "y"), wire.MaxUnitEvents+1)}}, exitError, "has more than 10000 events"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := serveStream(t, test.turns...)
			s.tail(t).want(t, test.code, "", test.want)
		})
	}
	t.Run("unreachable", func(t *testing.T) {
		t.Parallel()
		ringcast(t, "tail", "--http-server", "http://"+closedPort(t)).want(t, exitUnreachable, "", "cannot reach http://127.0.0.1")
	})
}

// A connection that died without a word is noticed by its missing heartbeats.
func TestTailLeavesASilentStream(t *testing.T) {
	t.Parallel()
	quick := regexp.MustCompile(`"heartbeat_seconds":15`).ReplaceAllString(connected, `"heartbeat_seconds":0.1`)
	s := serveStream(t, turn{body: quick + frame("e-1", "x", "{}"), hold: true}, turn{body: connected + synced})
	began := time.Now()
	s.tail(t, "--no-follow").want(t, exitDone, "e-1", "lost the stream: silent for too long; trying again")
	if took := time.Since(began); took >= wire.FirstSilence {
		t.Errorf("noticed after %s", took)
	}
	s.wantAsked(t, "/events?follow=false&last_event_id=latest ", "/events?follow=false e-1")
}
