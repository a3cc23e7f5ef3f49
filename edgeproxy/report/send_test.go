package report

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/ringcast/ringcast/internal/wire"
)

// request is what a control plane got.
type request struct {
	uri, user, contentType, body string
}

// control is a control plane that answers what it is told to.
func control(t *testing.T, answer http.HandlerFunc) (base *url.URL, got *request) {
	t.Helper()
	got = new(request)
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		user, _, _ := r.BasicAuth()
		*got = request{uri: r.Method + " " + r.RequestURI, user: user, contentType: r.Header.Get("Content-Type"), body: string(body)}
		w.Header().Set("Content-Type", "application/json")
		answer(w, r)
	}))
	t.Cleanup(s.Close)
	return parse(t, s.URL), got
}

func say(status int, body string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(status)
		_, _ = io.WriteString(w, body)
	}
}

func newSender(t *testing.T, node string) *Reporter {
	t.Helper()
	r := New(Config{Node: node, Instance: "inst", Version: "v1.2.3", Start: time.Date(2026, 11, 22, 13, 0, 0, 5e6, time.FixedZone("", 3600)), Logger: slog.New(slog.DiscardHandler)}, nil)
	t.Cleanup(r.client.CloseIdleConnections)
	return r
}

// The path has the edge's name, whatever is in it, below the control plane's own.
func TestTarget(t *testing.T) {
	t.Parallel()
	for node, want := range map[string]string{
		"edge-a":      "/v1/edges/edge-a:report",
		"a/b":         "/v1/edges/a%2Fb:report",
		"../../x":     "/v1/edges/..%2F..%2Fx:report",
		"..":          "/v1/edges/..:report",
		"100%":        "/v1/edges/100%25:report",
		"%2F":         "/v1/edges/%252F:report",
		"a b":         "/v1/edges/a%20b:report",
		"käse-東":      "/v1/edges/k%C3%A4se-%E6%9D%B1:report",
		"a?b#c":       "/v1/edges/a%3Fb%23c:report",
		"a:b;c,d&e=+": "/v1/edges/a:b%3Bc%2Cd&e=+:report",
	} {
		for _, prefix := range []string{"", "/", "/ring/cast", "/ring/cast/", "/a%2Fb"} {
			base, got := control(t, say(http.StatusOK, "{}"))
			base.User = url.UserPassword("edge", "secret")
			base = parse(t, base.String()+prefix)
			if _, err := newSender(t, node).send(t.Context(), base, message{}); err != nil {
				t.Error(err)
			}
			if whole := "POST " + strings.TrimSuffix(prefix, "/") + want; got.uri != whole || got.user != "edge" {
				t.Errorf("%s below %s: %+v, want %s", node, prefix, got, whole)
			}
		}
	}
}

// A report is a ReportEdgeRequest in proto3 JSON.
func TestMessage(t *testing.T) {
	t.Parallel()
	base, got := control(t, say(http.StatusOK, "{}"))
	r := newSender(t, "edge")
	standing := Standing{
		InForce: wire.Cursor{Epoch: "7f3a9c", Position: 1<<64 - 1}, Since: time.Now().Add(-time.Hour), Staleness: 1500 * time.Microsecond,
		Counts: &Counts{Bans: 1_000_000, Allows: 2, Revocations: 3, CacheEntries: 4},
	}
	m := r.message(standing)
	if !strings.HasPrefix(m.InForceFor, "3600.") {
		t.Errorf("in force for %s", m.InForceFor)
	}
	m.InForceFor, m.Leaving = "0.012000s", true
	if _, err := r.send(t.Context(), base, m); err != nil {
		t.Fatal(err)
	}
	want := `{"instance":"inst","epoch":"7f3a9c","position":"18446744073709551615","in_force_for":"0.012000s","version":"v1.2.3",` +
		`"staleness":"0.001500s","start_time":"2026-11-22T12:00:00.005Z","sequence":"1",` +
		`"counts":{"bans":"1000000","allows":"2","revocations":"3","cache_entries":"4"},"leaving":true}`
	if diff := cmp.Diff(request{uri: "POST /v1/edges/edge:report", contentType: "application/json", body: want}, *got, cmp.AllowUnexported(request{})); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}

	r.cfg.Version = strings.Repeat("v", maxVersion-1) + "ä" // cut in the middle
	body, err := json.Marshal(r.message(Standing{Staleness: -1}))
	if err != nil {
		t.Fatal(err)
	}
	want = `{"instance":"inst","epoch":"","position":"0","version":"` + strings.Repeat("v", maxVersion-1) +
		`","start_time":"2026-11-22T12:00:00.005Z","sequence":"2","leaving":false}`
	if diff := cmp.Diff(want, string(body)); diff != "" {
		t.Errorf("with nothing known (-want +got):\n%s", diff)
	}
}

func TestAnswers(t *testing.T) {
	t.Parallel()
	elsewhere, _ := control(t, say(http.StatusOK, "{}"))
	endless := func(w http.ResponseWriter, r *http.Request) {
		for r.Context().Err() == nil {
			if _, err := io.WriteString(w, strings.Repeat(" ", 1<<16)); err != nil {
				return
			}
		}
	}
	html := func(status int) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Type", "text/html")
			say(status, "{}")(w, r)
		}
	}
	for name, row := range map[string]struct {
		answer http.HandlerFunc
		pace   time.Duration
		want   Outcome
	}{
		"a pace":              {say(200, `{"report_after":"7.5s","of":"a later version"}`), 7500 * time.Millisecond, Accepted},
		"none":                {say(200, `{}`), usualPace, Accepted},
		"no duration":         {say(200, `{"report_after":"soon"}`), usualPace, Accepted},
		"0s":                  {say(200, `{"report_after":"0s"}`), usualPace, Accepted},
		"negative":            {say(200, `{"report_after":"-5s"}`), usualPace, Accepted},
		"too short":           {say(200, `{"report_after":"0.000001s"}`), minPace, Accepted},
		"too long":            {say(200, `{"report_after":"315576000s"}`), maxPace, Accepted},
		"beyond a duration":   {say(200, `{"report_after":"315576000000s"}`), usualPace, Accepted},
		"another type":        {say(200, `{"report_after":5}`), 0, Failed},
		"nothing":             {say(200, ``), 0, Failed},
		"a page":              {html(200), 0, Failed},
		"endless":             {endless, 0, Failed},
		"redirect":            {http.RedirectHandler(elsewhere.String(), http.StatusTemporaryRedirect).ServeHTTP, 0, Failed},
		"refused":             {say(400, `{"code":3,"message":"no"}`), 0, Failed},
		"unauthorized":        {html(401), 0, Failed},
		"busy":                {say(503, `{"code":14,"message":"busy"}`), 0, Failed},
		"unknown path":        {html(404), 0, Unsupported},
		"unknown method":      {html(405), 0, Unsupported},
		"unimplemented":       {say(501, `{"code":12,"message":"method ReportEdge not implemented"}`), 0, Unsupported},
		"unimplemented, long": {html(501), 0, Unsupported},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			base, _ := control(t, row.answer)
			pace, err := newSender(t, "edge").send(t.Context(), base, message{})
			if got := outcomeOf(err); pace != row.pace || got != row.want {
				t.Errorf("%s, %v; want %s, %v", pace, err, row.pace, row.want)
			}
		})
	}
}

// The password of a URL is not in an error, which is logged.
func TestErrorsHaveNoSecrets(t *testing.T) {
	t.Parallel()
	_, err := newSender(t, "edge").send(t.Context(), parse(t, "http://edge:secret@127.0.0.1:1"), message{})
	if err == nil || strings.Contains(err.Error(), "secret") {
		t.Errorf("%v", err)
	}
}

// conns counts the connections of a server.
type conns struct {
	mu   sync.Mutex
	open map[net.Conn]bool
	all  int
	idle chan struct{} // has an element once none is open
}

func (c *conns) note(conn net.Conn, state http.ConnState) {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch state {
	case http.StateNew:
		c.all++
		c.open[conn] = true
	case http.StateClosed:
		if delete(c.open, conn); len(c.open) == 0 {
			c.idle <- struct{}{}
		}
	}
}

// count is how many there have been.
func (c *conns) count() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.all
}

// Reports in a row share a connection, and no report holds one for long.
func TestConnection(t *testing.T) {
	t.Parallel()
	c := &conns{open: map[net.Conn]bool{}, idle: make(chan struct{}, 16)}
	s := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		_, _ = io.WriteString(w, "{}")
	}))
	s.Config.ConnState = c.note
	s.Start()
	t.Cleanup(s.Close)
	r, base := newSender(t, "edge"), parse(t, s.URL)
	for range 5 {
		if _, err := r.send(t.Context(), base, message{}); err != nil {
			t.Fatal(err)
		}
	}
	begun := time.Now()
	select {
	case <-c.idle:
	case <-time.After(30 * time.Second):
		t.Fatal("the connection is kept")
	}
	if n := c.count(); n != 1 {
		t.Errorf("%d connections", n)
	}
	if least := time.Duration(float64(usualPace) * (1 - spread)); keepIdle >= least {
		t.Errorf("kept for %s, longer than the least pace %s", keepIdle, least)
	}
	t.Logf("closed after %s", time.Since(begun))

	// A connection that the server closed meanwhile is no failure.
	for range 5 {
		if _, err := r.send(t.Context(), base, message{}); err != nil {
			t.Fatal(err)
		}
		s.CloseClientConnections()
	}
}

// A control plane is asked for its answer no longer than the context says.
func TestSendEndsWithContext(t *testing.T) {
	t.Parallel()
	asked := make(chan struct{})
	base, _ := control(t, func(_ http.ResponseWriter, r *http.Request) {
		close(asked)
		<-r.Context().Done()
	})
	ctx, cancel := context.WithCancel(t.Context())
	go func() {
		<-asked
		cancel()
	}()
	if _, err := newSender(t, "edge").send(ctx, base, message{}); err == nil {
		t.Error("answered")
	}
}

// FuzzJudge wants every answer to be an error or a pace within bounds.
func FuzzJudge(f *testing.F) {
	for _, seed := range []string{`{"report_after":"5s"}`, `{}`, `null`, `{"report_after":"1h1ns"}`, `{"message":"no"}`, `[`, ``} {
		f.Add(200, []byte(seed))
		f.Add(503, []byte(seed))
	}
	f.Fuzz(func(t *testing.T, status int, answer []byte) {
		pace, err := judge(status, answer)
		switch {
		case err != nil && pace != 0:
			t.Errorf("%s with %v", pace, err)
		case err == nil && (status/100 != 2 || pace < minPace || pace > maxPace || !json.Valid(answer)):
			t.Errorf("%d %q: %s", status, answer, pace)
		}
	})
}

func TestDuration(t *testing.T) {
	t.Parallel()
	for d, want := range map[time.Duration]string{
		-time.Second: "0.000000s", 0: "0.000000s", 999: "0.000000s", 12 * time.Millisecond: "0.012000s",
		time.Hour + time.Microsecond: "3600.000001s", 1<<63 - 1: "9223372036.854775s",
	} {
		if got := duration(d); got != want {
			t.Errorf("%d: %s, want %s", d, got, want)
		}
	}
	if got := fmt.Sprint(Outcomes()); got != "[accepted failed unsupported]" {
		t.Error(got)
	}
}
