package autoban

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
)

var fleet = Config{Failures: 1, Window: time.Minute, For: 10 * time.Minute, Scope: ScopeFleet}

// control is a control plane that answers what it is told to, and keeps the requests.
type control struct {
	mu       sync.Mutex
	requests []request
	hosts    []string
	times    []time.Time
	// answer gives status and body for a ban; nil: 200 with a position.
	answer func(r request) (int, string)
}

func (c *control) take(t *testing.T, host, path, mediaType string, body []byte) (int, string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	decoder := json.NewDecoder(strings.NewReader(string(body)))
	decoder.DisallowUnknownFields()
	var r request
	if err := decoder.Decode(&r); err != nil || path != "/v1/bans" || mediaType != "application/json" {
		t.Errorf("%s %s %q: %v", path, mediaType, body, err)
	}
	c.requests, c.hosts, c.times = append(c.requests, r), append(c.hosts, host), append(c.times, time.Now())
	if c.answer == nil {
		return http.StatusOK, `{"position":"1","epoch":"e"}`
	}
	return c.answer(r)
}

// RoundTrip answers without a network, so that time can stand still.
func (c *transport) RoundTrip(r *http.Request) (*http.Response, error) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return nil, err
	}
	status, text := c.take(c.t, r.URL.Host, r.URL.Path, r.Header.Get("Content-Type"), body)
	if status == 0 {
		return nil, io.ErrUnexpectedEOF
	}
	return &http.Response{StatusCode: status, Body: io.NopCloser(strings.NewReader(text)), Request: r}, nil
}

type transport struct {
	*control
	t *testing.T
}

func (c *control) deps(t *testing.T, l *list) Deps {
	return Deps{Bans: l, Instance: "inst", Client: &http.Client{Transport: &transport{c, t}}, Servers: servers(t, "http://one", "http://two")}
}

func servers(t *testing.T, texts ...string) (all []*url.URL) {
	for _, text := range texts {
		u, err := url.Parse(text)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, u)
	}
	return all
}

// TestReportOverASocket has a control plane that listens.
func TestReportOverASocket(t *testing.T) {
	t.Parallel()
	c, got := &control{}, make(chan struct{}, 10)
	server := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			t.Error(err)
		}
		status, text := c.take(t, r.Host, r.URL.Path, r.Header.Get("Content-Type"), body)
		rw.WriteHeader(status)
		_, _ = io.WriteString(rw, text)
		got <- struct{}{}
	}))
	defer server.Close()
	deps := Deps{Bans: newList(), Instance: "inst", Client: server.Client(), Servers: servers(t, server.URL+"/")}
	w := newWarden(t, fleet, deps)
	stop := start(t, w)
	w.Failed(netip.MustParseAddr("2001:db8::5"))
	<-got
	w.Failed(address(1))
	<-got
	stop()
	want := []request{
		{IP: "2001:db8::/64", Reason: Reason, TTL: "600s", Automatic: true},
		{IP: "11.0.0.1", Reason: Reason, TTL: "600s", Automatic: true},
	}
	ids := map[string]bool{}
	for i := range c.requests {
		ids[c.requests[i].RequestID] = true
		c.requests[i].RequestID = ""
		if c.requests[i].TTL == "601s" { // it ends at a whole second
			c.requests[i].TTL = "600s"
		}
	}
	if diff := cmp.Diff(want, c.requests); diff != "" || len(ids) != 2 {
		t.Errorf("%s, ids %v", diff, ids)
	}
}

// TestReportIsRepeated while no control plane takes it, at each in turn, less and less
// often, with the same id and what is left of the ban.
func TestReportIsRepeated(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := &control{}
		c.answer = func(request) (int, string) {
			return []int{0, 503, 500, 401, 404, 429, 302, 200}[min(len(c.requests)-1, 7)], `{"message":"later"}`
		}
		w := newWarden(t, fleet, c.deps(t, newList()))
		stop := start(t, w)
		began := time.Now()
		w.Failed(address(1))
		<-time.After(5 * time.Minute)
		stop()
		if got := w.Stats(); got.Reported != 1 || got.ReportsDropped != 0 || len(c.requests) != 8 {
			t.Fatalf("%+v, %d requests", got, len(c.requests))
		}
		if diff := cmp.Diff([]string{"one", "two", "one", "two", "one", "two", "one", "two"}, c.hosts); diff != "" {
			t.Errorf("hosts: %s", diff)
		}
		for i, r := range c.requests {
			left, err := time.ParseDuration(r.TTL)
			if passed := c.times[i].Sub(began); err != nil || left < fleet.For-passed || left >= fleet.For-passed+time.Second {
				t.Errorf("request %d after %s: ttl %s", i, passed, r.TTL)
			}
			if r.RequestID != c.requests[0].RequestID || !strings.HasPrefix(r.RequestID, "autoban-") {
				t.Errorf("request %d: id %q", i, r.RequestID)
			}
		}
		if first, last := c.times[2].Sub(c.times[1]), c.times[6].Sub(c.times[5]); c.times[1] != c.times[0] || first < minBackoff/2 || last < 2*first/3 {
			t.Errorf("waits of %s and then %s", first, last)
		}
	})
}

// TestReportEndsWithTheBan although no control plane was ever reached.
func TestReportEndsWithTheBan(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := &control{answer: func(request) (int, string) { return 503, "" }}
		w := newWarden(t, fleet, c.deps(t, newList()))
		stop := start(t, w)
		w.Failed(address(1))
		<-time.After(fleet.For + 2*maxBackoff)
		tries := len(c.requests)
		<-time.After(time.Hour)
		stop()
		if got := w.Stats(); got.ReportsDropped != 1 || len(c.requests) != tries || tries < 20 {
			t.Errorf("%+v, %d tries and then %d", got, tries, len(c.requests)-tries)
		}
	})
}

// TestLiftedBanIsNotReported any more: nobody is to have again what was unbanned while
// no control plane could be reached.
func TestLiftedBanIsNotReported(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		down := true
		c := &control{answer: func(request) (int, string) {
			if down {
				return 503, ""
			}
			return 200, "{}"
		}}
		l := newList()
		w := newWarden(t, fleet, c.deps(t, l))
		stop := start(t, w)
		for n := range 3 {
			w.Failed(address(n))
		}
		synctest.Wait()
		if err := l.Lift(t.Context(), netip.PrefixFrom(address(1), 32)); err != nil {
			t.Fatal(err)
		}
		c.mu.Lock()
		c.requests, down = nil, false
		c.mu.Unlock()
		<-time.After(2 * maxBackoff)
		stop()
		for _, r := range c.requests {
			if r.IP == address(1).String() {
				t.Error("a ban that was lifted was reported")
			}
		}
		if got := w.Stats(); got.Reported != 2 || got.ReportsDropped != 1 {
			t.Errorf("%+v", got)
		}
	})
}

// TestReportAnswers has the control plane refuse.
func TestReportAnswers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		answers := map[string]struct {
			status int
			body   string
		}{
			"11.0.0.1": {400, `{"code":9,"message":"allowed","details":[{"@type":"x","reason":"ADDRESS_ALLOWED","domain":"ringcast"}]}`},
			"11.0.0.2": {409, `{"code":6,"details":[{"reason":"REQUEST_ID_REUSED"}]}`},
			"11.0.0.3": {400, `{"code":3,"message":"bad","details":[{"reason":"INVALID_TTL"}]}`},
			"11.0.0.4": {400, `<html>`},
			"11.0.0.5": {200, `{}`},
			"11.0.0.6": {503, `{"details":[{"reason":"ADDRESS_ALLOWED"}]}`},
		}
		c := &control{answer: func(r request) (int, string) { return answers[r.IP].status, answers[r.IP].body }}
		l := newList()
		l.recorded[netip.PrefixFrom(address(9), 32)] = true
		w := newWarden(t, fleet, c.deps(t, l))
		stop := start(t, w)
		for _, n := range []int{6, 1, 2, 3, 4, 5, 9} { // the one that never succeeds is not in the way
			w.Failed(address(n))
			synctest.Wait()
		}
		<-time.After(10 * time.Second)
		stop()
		if got := w.Stats(); got.Banned != 7 || got.Reported != 2 || got.ReportsDropped != 3 {
			t.Errorf("%+v", got)
		}
		want := []string{"11.0.0.2/32", "11.0.0.3/32", "11.0.0.4/32", "11.0.0.5/32", "11.0.0.6/32", "11.0.0.9/32"}
		if diff := cmp.Diff(want, l.prefixes()); diff != "" {
			t.Errorf("banned: %s", diff)
		}
		for _, r := range c.requests {
			if r.IP == "11.0.0.9" {
				t.Error("what the log has was reported")
			}
		}
	})
}

// TestReportRate has a thousand bans at once.
func TestReportRate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := &control{}
		w := newWarden(t, fleet, c.deps(t, newList()))
		stop := start(t, w)
		for i := range 1000 {
			w.Failed(address(i))
		}
		for _, step := range []struct {
			after     time.Duration
			low, high uint64
		}{{time.Second, 240, 260}, {9 * time.Second, 690, 710}, {10 * time.Second, 1000, 1000}} {
			<-time.After(step.after)
			synctest.Wait()
			if got := w.Stats().Reported; got < step.low || got > step.high {
				t.Errorf("%d were reported, want %d to %d", got, step.low, step.high)
			}
		}
		stop()
	})
}

// TestReportsOverflow has more bans than may wait.
func TestReportsOverflow(t *testing.T) {
	t.Parallel()
	r := newReporter(Deps{Now: time.Now})
	for i := range maxReports + 5 {
		r.add(Ban{Addr: address(i)})
	}
	if n := r.dropped.Load(); n != 5 {
		t.Errorf("%d were dropped", n)
	}
}

func TestBucket(t *testing.T) {
	t.Parallel()
	now := time.Unix(1000, 0)
	b := newBucket(10, 2, now)
	for _, step := range []struct{ passed, want time.Duration }{
		{0, 0}, {0, 0}, {0, 100 * time.Millisecond}, {100 * time.Millisecond, 100 * time.Millisecond}, {time.Hour, 0}, {0, 0}, {0, 100 * time.Millisecond},
	} {
		now = now.Add(step.passed)
		if got := b.take(now); got.Round(time.Millisecond) != step.want {
			t.Errorf("after %s: wait %s, want %s", step.passed, got, step.want)
		}
	}
}
