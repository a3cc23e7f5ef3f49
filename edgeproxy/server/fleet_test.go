package server

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/ringcast/ringcast/edgeproxy/report"
)

// reported is a report as it travels.
type reported struct {
	Path       string `json:"-"`
	Instance   string `json:"instance"`
	Epoch      string `json:"epoch"`
	Position   uint64 `json:"position,string"`
	InForceFor string `json:"in_force_for"`
	Version    string `json:"version"`
	Staleness  string `json:"staleness"`
	StartTime  string `json:"start_time"`
	Sequence   uint64 `json:"sequence,string"`
	Counts     any    `json:"counts"`
	Leaving    bool   `json:"leaving"`
}

// reports is a control plane that hands on what is reported to it.
func reports(t *testing.T, frames ...string) (url string, more chan<- string, got <-chan reported) {
	t.Helper()
	taken := make(chan reported, 64)
	url, more = streamBeside(t, func(w http.ResponseWriter, r *http.Request) {
		p := reported{Path: r.Method + " " + r.RequestURI}
		body, _ := io.ReadAll(r.Body)
		if err := json.Unmarshal(body, &p); err != nil {
			t.Errorf("%s: %v", body, err)
		}
		taken <- p
		w.Header().Set("Content-Type", "application/json")
		_, _ = io.WriteString(w, `{"report_after":"600s"}`)
	}, frames...)
	return url, more, taken
}

// next waits for a report.
func next(t *testing.T, from <-chan reported) reported {
	t.Helper()
	select {
	case p := <-from:
		return p
	case <-time.After(20 * time.Second):
		t.Fatal("no report")
		return reported{}
	}
}

// tried waits until so many tries have had an outcome.
func tried(t *testing.T, edge *Server, outcome report.Outcome, times uint64) {
	t.Helper()
	for deadline := time.Now().Add(20 * time.Second); edge.reporter.Stats().Tries[outcome] < times; {
		if time.Now().After(deadline) {
			t.Fatalf("never %d %s: %v", times, outcome, edge.reporter.Stats().Tries)
		}
		<-time.After(time.Millisecond)
	}
}

// An edge reports when it is level, when it is asked to, and when it stops.
func TestReports(t *testing.T) {
	t.Parallel()
	site, _ := origin(t)
	control, more, got := reports(t, firstSync)
	edge, stop := start(t, func(c *Config) {
		c.Origin, c.Control, c.NodeID = site, []string{control + "/ring/cast"}, "edge/1"
	})
	started := time.Now()
	first := next(t, got)
	for first.Epoch == "" { // on a slow machine its time comes before the stream
		first = next(t, got)
	}
	if first.Position != 0 || first.Leaving || first.Version != "test" || first.Instance != edge.Status().Instance || first.Staleness == "" {
		t.Errorf("first: %+v", first)
	}
	if at, err := time.Parse(time.RFC3339Nano, first.StartTime); err != nil || at.After(started) || started.Sub(at) > time.Minute {
		t.Errorf("started at %s, %v; it is %s", first.StartTime, err, started)
	}
	more <- event(1, "ip_banned", `{"ip":"192.0.2.1","reason":"","automatic":false,"timestamp":1}`) +
		event(2, "ip_allowed", `{"ip":"192.0.2.2","reason":"","timestamp":1}`) +
		event(3, "token_revoked", `{"jti":"x","reason":"","timestamp":1}`) + "event: report\ndata: {\"position\":\"3\"}\n\n"
	second := next(t, got)
	if _, body := get(t, "http://"+edge.AdminAddr().String()+"/status"); !strings.Contains(body, `"reported_to":"`+control+`/ring/cast"`) {
		t.Errorf("status: %s", body)
	}
	if len(second.InForceFor) < len("0.000001s") || second.Position != 3 || second.Path != "POST /ring/cast/v1/edges/edge%2F1:report" {
		t.Errorf("second: %+v", second)
	}
	if diff := cmp.Diff(map[string]any{"bans": "1", "allows": "1", "revocations": "1", "cache_entries": "0"}, second.Counts); diff != "" {
		t.Errorf("counts (-want +got):\n%s", diff)
	}
	tried(t, edge, report.Accepted, second.Sequence)
	_, metrics := get(t, "http://"+edge.AdminAddr().String()+"/metrics")
	if want := fmt.Sprintf("ringcast_edge_reports_total{outcome=\"accepted\"} %d\n", second.Sequence); !strings.Contains(metrics, want) {
		t.Errorf("metrics lack %s", want)
	}
	stop()
	last := next(t, got)
	if !last.Leaving || last.Position != 3 || last.Sequence != second.Sequence+1 || last.StartTime != first.StartTime {
		t.Errorf("last: %+v", last)
	}
	if len(got) > 0 {
		t.Errorf("after the last: %+v", <-got)
	}
}

// The last report is made once traffic has ended.
func TestLeavesAfterTraffic(t *testing.T) {
	t.Parallel()
	entered, answer := make(chan struct{}), make(chan struct{})
	site := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		close(entered)
		<-answer
		_, _ = io.WriteString(w, "page")
	}))
	t.Cleanup(site.Close)
	control, _, got := reports(t, firstSync)
	edge, stop := start(t, func(c *Config) { c.Origin, c.Control = site.URL, []string{control} })
	waitFor(t, edge, 0)
	asked := make(chan string, 1)
	go func() {
		_, body := get(t, "http://"+edge.Addr().String()+"/")
		asked <- body
	}()
	<-entered
	stopped := make(chan struct{})
	go func() {
		defer close(stopped)
		stop()
	}()
	untilRefused(edge.Addr())
	for len(got) > 0 {
		if p := <-got; p.Leaving {
			t.Error("left while a request is answered")
		}
	}
	close(answer)
	if body := <-asked; body != "page" {
		t.Errorf("got %q", body)
	}
	if p := next(t, got); !p.Leaving {
		t.Errorf("%+v", p)
	}
	<-stopped
}

// An edge that knows of nobody that takes reports serves all the same.
func TestNobodyTakesReports(t *testing.T) {
	t.Parallel()
	site, _ := origin(t)
	control, _ := stream(t, firstSync)
	edge, stop := start(t, func(c *Config) { c.Origin, c.Control = site, []string{control} })
	waitFor(t, edge, 0)
	tried(t, edge, report.Unsupported, 1)
	if _, body := get(t, "http://"+edge.Addr().String()+"/"); body != "page" {
		t.Errorf("got %q", body)
	}
	if code, _ := ready(t, edge); code != http.StatusOK {
		t.Errorf("readiness: %d", code)
	}
	if status := edge.Status(); status.ReportedTo != "" || status.LastReportSeconds != nil {
		t.Errorf("%+v", status)
	}
	stop()
	if tries := edge.reporter.Stats().Tries; tries != [3]uint64{0, 0, 2} {
		t.Errorf("tries: %v", tries)
	}
}

// An edge that was not asked to stop does not leave.
func TestEndsByAnError(t *testing.T) {
	t.Parallel()
	control, _, got := reports(t, firstSync)
	edge, stop := startLogged(t, slog.New(slog.DiscardHandler), func(c *Config) { c.Origin, c.Control = "http://127.0.0.1:1", []string{control} })
	edge.leave(context.Background())
	stop()
	for p := next(t, got); !p.Leaving; p = next(t, got) {
		continue
	}
	if len(got) > 0 {
		t.Errorf("left twice: %+v", <-got)
	}
}
