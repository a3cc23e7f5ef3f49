package main

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/testing/protocmp"
	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/timestamppb"

	ringcastv1 "github.com/ringcast/ringcast/gen/ringcast/v1"
)

func stamp(t time.Time) *timestamppb.Timestamp { return timestamppb.New(t) }

// run runs one of the verbs at a given time.
func runAt(t testing.TB, now time.Time, args ...string) result {
	t.Helper()
	var out, errOut bytes.Buffer
	root := newRoot(&out, &errOut)
	root.RemoveCommand(root.Commands()...)
	a := &admin{out: &out, errOut: &errOut, now: func() time.Time { return now }}
	root.AddCommand(edgesCommand(a), checkCommand(a))
	root.SetArgs(args)
	err := root.ExecuteContext(t.Context())
	return result{exitCode(err), out.String(), errOut.String()}
}

func fiveEdges() []*ringcastv1.Edge {
	return []*ringcastv1.Edge{
		{NodeId: "a", Instance: "k23456789", Live: true, Level: true, Epoch: "7f3a9c", Position: 42, ConnectTime: at(0), LastHeard: at(59), Version: "v1", Staleness: durationpb.New(2e9)},
		{NodeId: "b", Live: true, Epoch: "7f3a9c", Position: 40, Behind: durationpb.New(3e9), LastHeard: at(60)},
		{NodeId: "c", Epoch: "7f3a9c", Position: 41, UnreachableSince: at(48), LastHeard: at(30)},
		{NodeId: "d", Live: true},
		{NodeId: "e", Live: true, Epoch: "old", Position: 50},
	}
}

func TestEdges(t *testing.T) {
	t.Parallel()
	f := new(fake)
	f.edges = fiveEdges()
	f.forgotten = []*ringcastv1.ForgottenEdge{{NodeId: "edge-old", Instance: "k2", ForgetTime: at(0)}}
	server := f.start(t)
	r := runAt(t, at(60).AsTime(), "edges", "--server", server)
	var got [][]string
	for _, line := range strings.Split(strings.TrimSpace(r.out), "\n") {
		var cells []string
		for _, cell := range strings.Split(line, "  ") {
			if cell = strings.TrimSpace(cell); cell != "" {
				cells = append(cells, cell)
			}
		}
		got = append(got, cells)
	}
	want := [][]string{
		{"NODE", "INSTANCE", "STATE", "POSITION", "CONNECTED", "LAST HEARD", "VERSION", "STALENESS"},
		{"a", "k2345678…", "level", "42", since(at(0)), "1s ago", "v1", "2s"},
		{"b", "-", "behind 3s", "40", "-", "0s ago", "-", "-"}, // the page ends here, and columns are set anew
		{"c", "-", "unreachable 12s", "41", "-", "30s ago", "-", "-"},
		{"d", "-", "nothing yet", "0", "-", "-", "-", "-"},
		{"e", "-", "behind", "50", "-", "-", "-", "-"},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("table (-want +got):\n%s", diff)
	}
	note := "ringcast: not counted, as forgotten automatically: edge-old (instance k2, " + since(at(0)) + ")\n"
	r.stderr(t, exitDone, note)
	r = ringcast(t, "edges", "-o", "json", "--server", server)
	values := jsonValues(t, r.out)
	if len(values) != 1 || len(values[0]["edges"].([]any)) != 5 || len(values[0]["forgotten"].([]any)) != 1 || !strings.Contains(r.out, `"instance": "k23456789"`) {
		t.Errorf("JSON: %s", r.out)
	}
	if r = ringcast(t, "edges", "--limit", "3", "-o", "jsonl", "--server", server); strings.Count(r.out, "\n") != 3 {
		t.Errorf("lines: %s", r.out)
	}
	ringcast(t, "edges", "--server", new(fake).start(t)).stderr(t, exitDone, "ringcast: no edges\n")
}

func TestOneEdge(t *testing.T) {
	t.Parallel()
	f := new(fake)
	f.edges = []*ringcastv1.Edge{
		{NodeId: "a", Instance: "k23456789", Live: true, Level: true, Address: "192.0.2.1", OtherInstances: []string{"k3", "k4"}, Counts: &ringcastv1.EdgeCounts{Bans: 7}},
		{NodeId: "a", Instance: "k3"},
	}
	server := f.start(t)
	r := ringcast(t, "edges", "a", "--server", server)
	for _, want := range []string{"instance           k23456789\n", "other instances    k3, k4\n", "state              level\n", "bans               7\n", "unreachable since  -\n"} {
		r.want(t, exitDone, want, "")
	}
	ringcast(t, "edges", "a", "--instance", "k3", "-o", "jsonl", "--server", server).want(t, exitDone, `"instance":"k3"`, "")
	ringcast(t, "edges", "x", "--server", server).stderr(t, exitError, "ringcast: no edge is known by that name (UNKNOWN_EDGE)\n")
}

func TestForget(t *testing.T) {
	t.Parallel()
	f := new(fake)
	ringcast(t, "forget", "edge-fra-3", "--instance", "k2", "--request-id", "r", "--server", f.start(t)).
		want(t, exitDone, "forgot edge-fra-3 at 7f3a9c-42\n", "")
	want := []*ringcastv1.ForgetEdgeRequest{{NodeId: "edge-fra-3", Instance: "k2", RequestId: "r"}}
	if diff := cmp.Diff(want, f.forgets, protocmp.Transform()); diff != "" {
		t.Errorf("requests (-want +got):\n%s", diff)
	}
}

// everywhereFleet has edges at, before and after what decides.
func everywhereFleet(f *fake) *fake {
	const head = 1 << 60 // of the fake's status
	f.wait = inForce(1)
	f.edges = []*ringcastv1.Edge{
		{NodeId: "head", Live: true, Epoch: "7f3a9c", Position: head},
		{NodeId: "level", Level: true, Epoch: "7f3a9c", Position: 1},
		{NodeId: "late", Live: true, Epoch: "7f3a9c", Position: 6, Behind: durationpb.New(3e9)},
		{NodeId: "cut", Epoch: "7f3a9c", Position: 8, UnreachableSince: at(48)},
		{NodeId: "other", Live: true, Epoch: "0", Position: head + 1},
	}
	return f
}

func TestCheckEverywhere(t *testing.T) {
	t.Parallel()
	banned := []*ringcastv1.Ban{ban("192.0.2.0/24", "abuse", 7)}
	for name, test := range map[string]struct {
		fake *fake
		want []string // of each edge
		note string
		wait uint64
	}{
		// One that has the ban and not the head may have an allow entry that is gone.
		"banned": {
			&fake{bans: banned},
			[]string{"yes", "yes", "unknown: behind 3s", "unknown: unreachable 12s, but it has the ban", "unknown: behind"}, "2 of 5", 1 << 60,
		},
		"not banned": {new(fake), []string{"yes", "yes", "unknown: behind 3s", "unknown: unreachable 12s", "unknown: behind"}, "2 of 5", 1 << 60},
		"allowed": {
			&fake{bans: banned, allows: []*ringcastv1.Allow{{Ip: "192.0.2.1", Position: 6}}},
			[]string{"yes", "yes", "yes", "yes", "unknown: behind"}, "4 of 5", 6,
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := everywhereFleet(test.fake)
			server := f.start(t)
			r := runAt(t, at(60).AsTime(), "check", "192.0.2.1", "--everywhere", "--server", server)
			r.stderr(t, exitDone, "ringcast: enforced on "+test.note+" known edges\n")
			_, table, _ := strings.Cut(r.out, "\n\n")
			for i, line := range strings.Split(strings.TrimSpace(table), "\n")[1:] {
				node := f.edges[i].GetNodeId()
				if fields := strings.Fields(line); fields[0] != node || strings.Join(fields[2:len(fields)-1], " ") != test.want[i] {
					t.Errorf("%q, want %s: %s", line, node, test.want[i])
				}
			}
			want := &ringcastv1.WaitAppliedRequest{Position: test.wait, Epoch: "7f3a9c", Quorum: "live", Timeout: durationpb.New(2e9), AllowNoEdges: true}
			if diff := cmp.Diff(want, f.waited()[0], protocmp.Transform()); diff != "" {
				t.Errorf("wait (-want +got):\n%s", diff)
			}
		})
	}
}

func TestCheckEverywhereInJSON(t *testing.T) {
	t.Parallel()
	server := everywhereFleet(&fake{bans: []*ringcastv1.Ban{ban("192.0.2.0/24", "abuse", 7)}}).start(t)
	var got struct {
		Verdict struct{ Banned bool }
		Edges   []map[string]string
	}
	r := ringcast(t, "check", "192.0.2.1", "--everywhere", "-o", "jsonl", "--server", server)
	if err := json.Unmarshal([]byte(r.out), &got); err != nil || strings.Count(r.out, "\n") != 1 || r.code != exitDone {
		t.Fatalf("%v: %s", err, r.out)
	}
	var states []string
	for _, edge := range got.Edges {
		states = append(states, edge["state"])
	}
	if diff := cmp.Diff([]string{"enforced", "enforced", "behind", "unreachable", "behind"}, states); !got.Verdict.Banned || diff != "" {
		t.Errorf("%+v", got)
	}
	want := map[string]string{"node_id": "cut", "instance": "", "state": "unreachable", "epoch": "7f3a9c", "position": "8", "unreachable_since": "2025-11-21T10:00:48Z"}
	if diff := cmp.Diff(want, got.Edges[3]); diff != "" {
		t.Errorf("edge (-want +got):\n%s", diff)
	}
}

func TestCheckEverywhereOnNoEdges(t *testing.T) {
	t.Parallel()
	f, server := serverOf(t, inForce(0))
	ringcast(t, "check", "192.0.2.1", "--everywhere", "--server", server).want(t, exitDone, "not banned", "ringcast: no edge is known\n")
	ringcast(t, "check", "192.0.2.1", "--everywhere", "-o", "jsonl", "--server", server).want(t, exitDone, `{"verdict":{"banned":false},"edges":[]}`+"\n", "")
	f.wait = func(int, *ringcastv1.WaitAppliedRequest) (*ringcastv1.WaitAppliedResponse, error) {
		return nil, refusal(codes.FailedPrecondition, "OTHER_EPOCH", "another log")
	}
	ringcast(t, "check", "192.0.2.1", "--everywhere", "--server", server).want(t, exitError, "", "another log (OTHER_EPOCH)")
}
