package fleet

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus/testutil"

	"github.com/ringcast/ringcast/controlplane"
	"github.com/ringcast/ringcast/controlplane/eventlog"
	"github.com/ringcast/ringcast/internal/wire"
)

func (r *rig) names() (names []string) {
	edges, _ := r.Edges(r.t.Context(), controlplane.EdgeKey{}, maxEdges)
	for _, e := range edges {
		names = append(names, e.Node)
	}
	return names
}

// Who belongs to the fleet, and what they last reported, outlive the process.
func TestRestart(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	p := r.ban()
	stream := r.connect(edge("streams"))
	r.report(edge("reports"), p)
	r.report(controlplane.EdgeKey{Node: "nameless"}, p)
	passing := r.connect(controlplane.EdgeKey{Node: "passing"})
	r.connect(edge("left")).Close()
	if err := r.Leave(t.Context(), edge("left"), Report{}); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"nameless", "passing", "reports", "streams"}, r.names()); diff != "" {
		t.Error(diff)
	}
	passing.Close()
	stream.Close()
	if diff := cmp.Diff([]string{"nameless", "reports", "streams"}, r.names()); diff != "" {
		t.Error(diff)
	}
	heard := r.clock.Now()
	r.clock.advance(time.Hour)
	r.restart()
	if diff := cmp.Diff([]string{"nameless", "reports", "streams"}, r.names()); diff != "" {
		t.Error(diff)
	}
	e, _, err := r.Edge(t.Context(), edge("reports"))
	if err != nil || e.At.Position != p || !e.Heard.Equal(heard) || e.Live() {
		t.Errorf("%+v, %v", e, err)
	}
	if got := r.waitFor(WaitRequest{At: wire.Cursor{Position: p}, Timeout: time.Millisecond}).end(t); got.Confirmed != 2 || got.Reached {
		t.Errorf("%+v", got)
	}
}

// A file with reports that is damaged costs the reports and not the fleet.
func TestDamagedReports(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.report(edge("a"), r.ban())
	r.close()
	if err := os.WriteFile(filepath.Join(r.dir, reportsFile), []byte(strings.Repeat("nonsense", 1000)), 0o600); err != nil {
		t.Fatal(err)
	}
	r.open()
	e, _, err := r.Edge(t.Context(), edge("a"))
	if err != nil || e.At.Epoch != "" {
		t.Errorf("%+v, %v", e, err)
	}
}

// A report that makes no sense costs itself, not the control plane's start.
func TestSenselessReport(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	p := r.ban()
	r.report(edge("a"), p)
	r.report(edge("b"), p)
	if err := r.save(t.Context()); err != nil {
		t.Fatal(err)
	}
	if _, err := r.saved.db.Write.ExecContext(t.Context(), `UPDATE reports SET report = '{"At":7}' WHERE node = 'a'`); err != nil {
		t.Fatal(err)
	}
	r.restart()
	if got := r.waitFor(WaitRequest{At: wire.Cursor{Position: p}, Timeout: time.Millisecond}).end(t); got.Confirmed != 1 || len(got.Edges) != 2 {
		t.Errorf("%+v", got)
	}
}

// Of one name are those without an instance, too, and none whose name only begins so.
func TestNamed(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	for _, key := range []controlplane.EdgeKey{{Node: "a"}, {Node: "a", Instance: "2"}, {Node: "a", Instance: "1"}, {Node: "a!"}, {Node: "aa"}, {Node: "b"}} {
		r.report(key, 0)
		r.clock.advance(1)
	}
	e, others, err := r.Edge(t.Context(), controlplane.EdgeKey{Node: "a"})
	if diff := cmp.Diff([]string{"", "2"}, others); err != nil || e.Instance != "1" || diff != "" {
		t.Errorf("%+v, %v, %s", e, err, diff)
	}
	if _, others, err := r.Edge(t.Context(), controlplane.EdgeKey{Node: "b"}); err != nil || len(others) != 0 {
		t.Errorf("%v, %v", others, err)
	}
}

func TestForget(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	forget := func(key controlplane.EdgeKey, id string) (eventlog.Receipt, string) {
		receipt, err := r.Forget(t.Context(), key, eventlog.Request{Principal: "test", RPC: "forget", ID: id, Detail: "{}"})
		if refusal, ok := errors.AsType[*controlplane.Error](err); ok {
			return receipt, refusal.Reason
		}
		if err != nil {
			t.Fatal(err)
		}
		return receipt, ""
	}
	stream := r.connect(edge("a"))
	if _, reason := forget(edge("a"), ""); reason != controlplane.ReasonEdgeConnected {
		t.Errorf("connected: %s", reason)
	}
	if _, reason := forget(controlplane.EdgeKey{Node: "b"}, ""); reason != controlplane.ReasonUnknownEdge {
		t.Errorf("unknown: %s", reason)
	}
	stream.Close()
	first, reason := forget(controlplane.EdgeKey{Node: "a"}, "once")
	if reason != "" || len(r.names()) != 0 {
		t.Errorf("%s, left %v", reason, r.names())
	}
	r.connect(edge("a")).Close()
	if again, reason := forget(controlplane.EdgeKey{Node: "a"}, "once"); reason != "" || again.Position != first.Position || len(r.names()) != 1 {
		t.Errorf("a repeat: %+v, %s, left %v", again, reason, r.names())
	}
	r.restart()
	if len(r.names()) != 1 {
		t.Errorf("after a restart: %v", r.names())
	}
}

// Of several edges with one name the instance says which; without it, those that are
// gone.
func TestForgetOneOfSeveral(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	for _, instance := range []string{"1", "2", "3"} {
		stream := r.connect(controlplane.EdgeKey{Node: "a", Instance: instance})
		if instance != "3" {
			stream.Close()
		} else {
			defer stream.Close()
		}
	}
	request := eventlog.Request{Principal: "test", RPC: "forget", Detail: "{}"}
	if _, err := r.Forget(t.Context(), controlplane.EdgeKey{Node: "a", Instance: "2"}, request); err != nil || len(r.names()) != 2 {
		t.Errorf("%v, left %v", err, r.names())
	}
	if _, err := r.Forget(t.Context(), controlplane.EdgeKey{Node: "a"}, request); err != nil || len(r.names()) != 1 {
		t.Errorf("%v, left %v", err, r.names())
	}
}

// Edges that nobody hears of are forgotten where that is asked for, and named. The time
// without a control plane does not count.
func TestForgetAfter(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.forget = time.Hour
	r.restart()
	r.connect(edge("a")).Close()
	defer r.connect(edge("b")).Close()
	r.clock.advance(2 * time.Hour)
	r.restart()
	tidy := func() {
		r.report(edge("b"), 0)
		if err := r.forgetUnheard(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	stream := r.connect(edge("b"))
	defer stream.Close()
	if tidy(); len(r.names()) != 2 {
		t.Errorf("forgotten for the control plane's own absence: %v", r.names())
	}
	r.clock.advance(time.Hour)
	if tidy(); !cmp.Equal([]string{"b"}, r.names()) {
		t.Errorf("%v", r.names())
	}
	r.report(edge("b"), r.ban())
	r.restart()
	defer r.connect(edge("b")).Close()
	got := r.wait(r.recent.last, "all").end(t)
	if !got.Reached || len(got.Forgotten) != 1 || got.Forgotten[0].Node != "a" {
		t.Errorf("%+v", got)
	}
	r.connect(edge("a")).Close()
	if len(r.Forgotten()) != 0 || len(r.names()) != 2 {
		t.Errorf("%v is back, %v", r.Forgotten(), r.names())
	}
}

func TestLateReports(t *testing.T) {
	t.Parallel()
	start := time.Unix(1_700_000_000, 0)
	r := newRig(t)
	p := r.ban()
	defer r.connect(edge("a")).Close()
	for i, step := range []struct {
		start    time.Time
		sequence uint64
		position uint64
		wait     time.Duration
		counts   bool
	}{
		{start, 2, p, 0, true},
		{start, 1, 0, 0, false},                             // overtaken
		{start, 3, p, 0, true},                              //
		{start.Add(time.Hour), 1, 0, 0, true},               // restarted
		{start, 4, p, 0, false},                             // late, from before the restart
		{start.Add(-time.Hour), 1, p, 2 * lateReport, true}, // restarted, and its clock was set back
		{time.Time{}, 0, 0, 0, true},                        // of another program
	} {
		r.clock.advance(step.wait)
		report := r.at(step.position)
		report.Start, report.Sequence = step.start, step.sequence
		if _, err := r.Report(t.Context(), edge("a"), report); err != nil {
			t.Fatal(err)
		}
		e, _, err := r.Edge(t.Context(), edge("a"))
		if err != nil || (e.Sequence == step.sequence && e.Start.Equal(step.start)) != step.counts {
			t.Errorf("step %d: %+v, %v", i, e.Report, err)
		}
	}
}

// A report that was under way when its process left does not bring the edge back; the next
// process does.
func TestReportAfterLeave(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	report := r.at(0)
	say := func(start time.Time, sequence uint64) {
		report.Start, report.Sequence = start, sequence
		if _, err := r.Report(t.Context(), edge("a"), report); err != nil {
			t.Fatal(err)
		}
	}
	start := r.clock.Now()
	for _, known := range []func(){func() { say(start, 1) }, func() { r.connect(edge("a")).Close() }} {
		known()
		report.Start, report.Sequence = start, 4
		if err := r.Leave(t.Context(), edge("a"), report); err != nil {
			t.Fatal(err)
		}
		say(start, 3)
		if r.connect(edge("a")).Close(); len(r.names()) != 0 {
			t.Errorf("known by a late word: %v", r.names())
		}
		r.clock.advance(lateReport + time.Second)
		r.dropDepartures()
	}
	say(start.Add(time.Hour), 1)
	if len(r.names()) != 1 {
		t.Error("the next process is not known")
	}
}

// Two processes on copies of one data dir are not one edge that has confirmed: neither
// speaks for the other. Once one of them is gone the other counts.
func TestCopiedDataDir(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	defer r.connect(edge("a")).Close()
	first := r.clock.Now()
	p, sequence := r.ban(), uint64(0)
	report := func(start time.Time) {
		sequence++
		report := r.at(p)
		report.Start, report.Sequence = start, sequence
		if _, err := r.Report(t.Context(), edge("a"), report); err != nil {
			t.Fatal(err)
		}
	}
	shared := func() bool {
		e, _, err := r.Edge(t.Context(), edge("a"))
		if err != nil || e.Level == e.Shared {
			t.Errorf("%+v, %v", e, err)
		}
		return e.Shared
	}
	report(first)
	second := first.Add(time.Hour)
	report(second)
	report(first) // was under way
	if shared() {
		t.Error("shared by a late report")
	}
	r.clock.advance(lateReport + time.Second)
	report(second)
	report(first)
	if !shared() {
		t.Error("two processes count as one")
	}
	w := r.wait(p, "all")
	report(second)
	if !w.waits() {
		t.Fatal("confirmed by one of two")
	}
	r.clock.advance(r.interval() * 10)
	report(second)
	if shared() {
		t.Error("shared with a process that is gone")
	}
	w.end(t)
}

// How far an edge is behind is counted from the first event for edges that it lacks, also
// after a restart, when only the log knows.
func TestBehind(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	defer r.connect(edge("a")).Close()
	p := r.ban()
	r.report(edge("a"), p)
	behind := func() time.Duration {
		e, _, err := r.Edge(t.Context(), edge("a"))
		if err != nil || e.Level != (e.Behind == 0) {
			t.Errorf("%+v, %v", e, err)
		}
		return e.Behind
	}
	for i := range 2 * behindPage { // nothing for edges
		r.connect(edge(fmt.Sprint("other-", i))).Close()
	}
	if r.clock.advance(time.Minute); behind() != 0 {
		t.Errorf("%v behind", behind())
	}
	r.ban()
	r.clock.advance(time.Minute)
	r.ban()
	if r.clock.advance(time.Minute); behind() != 2*time.Minute {
		t.Errorf("%v behind", behind())
	}
	if r.restart(); behind() != 2*time.Minute {
		t.Errorf("%v behind after a restart", behind())
	}
}

func TestMetrics(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	defer r.connect(edge("a")).Close()
	r.connect(edge("b")).Close()
	p := r.ban()
	r.clock.advance(time.Second)
	report := r.at(p)
	report.Age = 900 * time.Millisecond
	for range 2 { // what is known already says nothing of the way
		if _, err := r.Report(t.Context(), edge("a"), report); err != nil {
			t.Fatal(err)
		}
	}
	r.report(edge("c"), 0)
	r.waitFor(WaitRequest{At: wire.Cursor{Position: p}, Timeout: time.Millisecond}).end(t)
	r.wait(p, "1").end(t)
	want := `
		# HELP ringcast_fleet_edge_behind_seconds For how long the log has had something that an edge does not have in force: the 100 edges furthest behind.
		# TYPE ringcast_fleet_edge_behind_seconds gauge
		ringcast_fleet_edge_behind_seconds{instance="i-c",node_id="c"} 1
		# HELP ringcast_fleet_edges Known edges, by state.
		# TYPE ringcast_fleet_edges gauge
		ringcast_fleet_edges{state="behind"} 0
		ringcast_fleet_edges{state="forgotten"} 0
		ringcast_fleet_edges{state="level"} 1
		ringcast_fleet_edges{state="unreachable"} 2
		# HELP ringcast_fleet_waits_total Waits for confirmation that ended, by outcome.
		# TYPE ringcast_fleet_waits_total counter
		ringcast_fleet_waits_total{outcome="confirmed"} 1
		ringcast_fleet_waits_total{outcome="timed_out"} 1
	`
	if err := testutil.GatherAndCompare(r.registry, strings.NewReader(want),
		"ringcast_fleet_edge_behind_seconds", "ringcast_fleet_edges", "ringcast_fleet_waits_total"); err != nil {
		t.Error(err)
	}
	if problems, err := testutil.GatherAndLint(r.registry); err != nil || len(problems) > 0 {
		t.Errorf("%v, %v", problems, err)
	}
	families, err := r.registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, family := range families {
		if h := family.GetMetric()[0].GetHistogram(); family.GetName() == "ringcast_fleet_propagation_seconds" &&
			(h.GetSampleCount() != 1 || h.GetSampleSum() < 0.09 || h.GetSampleSum() > 0.11) {
			t.Errorf("propagation: %v", h)
		}
	}
}

// A goodbye that comes late does not drop the process that took the place of the one that
// said it: not once that has reported, nor before, while its stream is open.
func TestLateGoodbye(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	p := r.ban()
	old := r.at(p)
	old.Start, old.Sequence = time.Unix(1_700_000_000, 0), 7
	goodbye := old
	goodbye.Sequence++
	report := func(report Report) {
		if _, err := r.Report(t.Context(), edge("a"), report); err != nil {
			t.Fatal(err)
		}
	}
	leave := func() {
		if err := r.Leave(t.Context(), edge("a"), goodbye); err != nil {
			t.Fatal(err)
		}
	}
	r.connect(edge("a")).Close()
	report(old)
	r.connect(edge("a"))
	if leave(); !cmp.Equal([]string{"a"}, r.names()) {
		t.Fatalf("known while the new process is replayed to: %v", r.names())
	}
	again := r.at(p)
	again.Start, again.Sequence = old.Start.Add(time.Minute), 1
	report(again)
	if e, _, err := r.Edge(t.Context(), edge("a")); err != nil || !e.Live() {
		t.Errorf("%+v, %v", e, err)
	}
	if r.restart(); !cmp.Equal([]string{"a"}, r.names()) {
		t.Errorf("known after a restart: %v", r.names())
	}
	stream := r.connect(edge("a"))
	report(again)
	stream.Close()
	if leave(); !cmp.Equal([]string{"a"}, r.names()) {
		t.Errorf("known after the goodbye of the old process: %v", r.names())
	}
}

// One that is given up while its stream is open is known until that ends.
func TestGivenUpWhileConnected(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	p := r.ban()
	stream := r.connect(edge("a"))
	r.report(edge("a"), p)
	if err := r.Leave(t.Context(), edge("a"), Report{}); err != nil {
		t.Fatal(err)
	}
	w := r.wait(r.ban(), "all")
	if !w.waits() {
		t.Errorf("%+v", w.outcome)
	}
	stream.Close()
	if got := w.end(t); !cmp.Equal([]string{"a gone"}, got.standings()) || len(r.names()) != 0 {
		t.Errorf("%+v, known: %v", got, r.names())
	}
}

// An edge is out of reach when it misses the reports that it was told to make, also where
// the fleet has shrunk since.
func TestShrunkFleet(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	var others []controlplane.EdgeKey
	r.mu.Lock()
	for i := range 20 * minInterval / time.Second * reportRate {
		others = append(others, edge(fmt.Sprint(i)))
		r.joined(others[i], r.clock.Now(), wire.Cursor{})
	}
	r.mu.Unlock()
	defer r.connect(edge("a")).Close()
	after, err := r.Report(t.Context(), edge("a"), r.at(0))
	if err != nil || after < 20*minInterval {
		t.Fatalf("told to report after %v, %v", after, err)
	}
	r.mu.Lock()
	for _, key := range others {
		r.left(key, r.clock.Now(), wire.LeftForgotten)
	}
	r.mu.Unlock()
	live := func() bool {
		e, _, err := r.Edge(t.Context(), edge("a"))
		return err == nil && e.Live()
	}
	if r.clock.advance(3 * after); !live() {
		t.Error("out of reach though it may report that late")
	}
	if r.clock.advance(2 * minInterval); live() {
		t.Error("in reach though it says nothing")
	}
}
