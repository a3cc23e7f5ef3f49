package main

import (
	"bytes"
	"context"
	"errors"
	"regexp"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	ringcastv1 "github.com/ringcast/ringcast/gen/ringcast/v1"
)

// scriptedFleet is a client of a fleet without a network, for tests of time.
type scriptedFleet struct {
	ringcastv1.FleetServiceClient
	wait func(context.Context, *ringcastv1.WaitAppliedRequest) (*ringcastv1.WaitAppliedResponse, error)
	list func() ([]*ringcastv1.Edge, error)
}

func (f scriptedFleet) WaitApplied(ctx context.Context, r *ringcastv1.WaitAppliedRequest, _ ...grpc.CallOption) (*ringcastv1.WaitAppliedResponse, error) {
	return f.wait(ctx, r)
}

func (f scriptedFleet) ListEdges(context.Context, *ringcastv1.ListEdgesRequest, ...grpc.CallOption) (*ringcastv1.ListEdgesResponse, error) {
	edges, err := f.list()
	return &ringcastv1.ListEdgesResponse{Edges: edges}, err
}

// scripted is a waiter for position 42, and what it writes.
func scripted(f scriptedFleet, q quorum) (*waiter, *bytes.Buffer) {
	out := new(bytes.Buffer)
	a := &admin{out: out, errOut: out, terminal: true, now: time.Now}
	c := &call{admin: a, printer: printer{out: out, format: formatTable, now: time.Now}, server: "control:4001", timeout: 10 * time.Second}
	c.waitFor.quorum, c.position, c.epoch = q, 42, "e1"
	return &waiter{call: c, fleet: f, reconnect: func() {}, began: time.Now()}, out
}

// The connection is lost twice, and the control plane away for seconds: the wait goes
// on for what is left of the time.
func TestWaitSurvivesARestart(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		begin, attempts, reconnects := time.Now(), 0, 0
		w, out := scripted(scriptedFleet{
			list: func() ([]*ringcastv1.Edge, error) { return nil, status.Error(codes.Unavailable, "away") },
			wait: func(ctx context.Context, r *ringcastv1.WaitAppliedRequest) (*ringcastv1.WaitAppliedResponse, error) {
				attempts++
				left := 10*time.Second - time.Since(begin)
				if got := r.GetTimeout().AsDuration(); got != left {
					t.Errorf("attempt %d asks for %s, %s are left", attempts, got, left)
				}
				if end, ok := ctx.Deadline(); !ok || time.Until(end) != left+waitGrace {
					t.Errorf("attempt %d has until %s", attempts, end)
				}
				if time.Since(begin) < 3*time.Second {
					return nil, status.Error(codes.Unavailable, "away")
				}
				return inForce(5)(attempts, r)
			},
		}, quorumAll)
		w.reconnect = func() { reconnects++ }
		if err := w.run(t.Context()); err != nil {
			t.Fatal(err)
		}
		if attempts < 4 || attempts > 12 || reconnects != attempts-1 {
			t.Errorf("%d attempts, %d reconnects", attempts, reconnects)
		}
		if !strings.Contains(out.String(), "\r\x1b[K\x1b[?7l300 ms · waiting for control:4001\x1b[?7h") ||
			!regexp.MustCompile(`\r\x1b\[Kringcast: in force on 5 of 5 edges after \d\.?\d? s\n$`).Match(out.Bytes()) {
			t.Errorf("stderr %q", out)
		}
	})
}

// A control plane that stays away is asked until the time is up, and not longer.
func TestWaitGivesUp(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		begin := time.Now()
		away := func(context.Context, *ringcastv1.WaitAppliedRequest) (*ringcastv1.WaitAppliedResponse, error) {
			return nil, status.Error(codes.Unavailable, "away")
		}
		w, _ := scripted(scriptedFleet{wait: away}, quorumAll)
		w.terminal = false
		err := w.run(t.Context())
		if exitCode(err) != exitUnconfirmed || time.Since(begin) != 10*time.Second {
			t.Errorf("after %s: %v", time.Since(begin), err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		time.AfterFunc(50*time.Millisecond, cancel)
		err = w.run(ctx)
		if exitCode(err) != exitUnconfirmed || err.Error() != "accepted at e1-42, but not confirmed: interrupted" {
			t.Errorf("interrupted: %v", err)
		}
	})
}

func TestWaitProgress(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		edge := func(node string, position uint64) *ringcastv1.Edge {
			return &ringcastv1.Edge{NodeId: node, Epoch: "e1", Position: position, Live: true, LastHeard: stamp(time.Now().Add(-12 * time.Second))}
		}
		lists := [][]*ringcastv1.Edge{
			{edge("a", 42), edge("b\x1b[2J", 41), {NodeId: strings.Repeat("c", 30), Epoch: "e0", Position: 50, Live: true}, edge("d", 0)},
			{edge("a", 42), edge("b", 99), edge(strings.Repeat("c", 30), 42), edge("d", 41), edge("new", 0)},
			{edge("a", 42), edge("d", 42)},
		}
		polls := 0
		f := scriptedFleet{
			list: func() ([]*ringcastv1.Edge, error) {
				polls++
				return lists[min(polls, len(lists))-1], nil
			},
			wait: func(_ context.Context, r *ringcastv1.WaitAppliedRequest) (*ringcastv1.WaitAppliedResponse, error) {
				time.Sleep(1100 * time.Millisecond)
				return inForce(2)(1, r)
			},
		}
		w, out := scripted(f, quorumAll)
		if err := w.run(t.Context()); err != nil {
			t.Fatal(err)
		}
		line := func(text string) string { return "\r\x1b[K\x1b[?7l" + text + "\x1b[?7h" }
		want := line("1/4 edges · 300 ms · waiting for b[2J, "+strings.Repeat("c", 24)+"… and 1 more") +
			line("2/3 edges · 600 ms · waiting for d, last heard 13 s ago") +
			line("2/2 edges · 900 ms") + "\r\x1b[Kringcast: in force on 2 of 2 edges after 1.1 s\n"
		if diff := cmp.Diff(want, out.String()); diff != "" {
			t.Errorf("stderr (-want +got):\n%s", diff)
		}
		if polls != 3 {
			t.Errorf("%d polls", polls)
		}
	})
}

// The line counts as the quorum does.
func TestWaitProgressCounts(t *testing.T) {
	t.Parallel()
	edges := func(live bool) []*ringcastv1.Edge {
		list := []*ringcastv1.Edge{{NodeId: "far"}, {NodeId: "cut", Live: live}}
		for _, edge := range confirmations(3) {
			list = append(list, &ringcastv1.Edge{NodeId: edge.GetNodeId(), Live: true, Epoch: "e1", Position: 42})
		}
		return list
	}
	for q, want := range map[quorum]string{
		"all": "3/5 edges · 0 s · waiting for far, cut", "live": "3/4 edges · 0 s · waiting for cut",
		"2": "3/2 edges · 0 s · waiting for far, cut", "70%": "3/4 edges · 0 s · waiting for far, cut",
	} {
		w, _ := scripted(scriptedFleet{}, q)
		w.now = func() time.Time { return w.began }
		w.line(edges(true))
		if got := w.line(edges(false)); got != want { // one that is cut off meanwhile still counts
			t.Errorf("%s: %q, want %q", q, got, want)
		}
	}
}

// A quick wait costs no list of the edges, and a terminal sees one line.
func TestQuickWaitDoesNotPoll(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w, out := scripted(scriptedFleet{
			list: func() ([]*ringcastv1.Edge, error) { return nil, errors.New("nobody should ask") },
			wait: func(_ context.Context, r *ringcastv1.WaitAppliedRequest) (*ringcastv1.WaitAppliedResponse, error) {
				time.Sleep(38 * time.Millisecond)
				return inForce(42)(1, r)
			},
		}, quorumAll)
		if err := w.run(t.Context()); err != nil || out.String() != "ringcast: in force on 42 of 42 edges after 38 ms\n" {
			t.Errorf("%v, %q", err, out)
		}
	})
}

func TestDurationsForPeople(t *testing.T) {
	t.Parallel()
	for d, want := range map[time.Duration]string{
		-time.Second: "0 s", 0: "0 s", 37600 * time.Microsecond: "38 ms", 3210 * time.Millisecond: "3.2 s", 12400 * time.Millisecond: "12 s",
		10003 * time.Millisecond: "10 s", 90 * time.Second: "1m30s", 2 * time.Hour: "2h",
	} {
		if got := spaced(d); got != want {
			t.Errorf("%s: %q, want %q", d, got, want)
		}
	}
}
