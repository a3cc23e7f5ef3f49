package e2e

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/durationpb"

	ringcastv1 "github.com/ringcast/ringcast/gen/ringcast/v1"
)

// moment is how long a wait lasts that is expected not to be confirmed.
const moment = 300 * time.Millisecond

// waitFor waits for a quorum and gives what came of it.
func (a api) waitFor(position uint64, quorum string, timeout time.Duration) *ringcastv1.WaitAppliedResponse {
	a.t.Helper()
	answer, err := a.fleet.WaitApplied(a.deadline(), &ringcastv1.WaitAppliedRequest{
		Position: position, Quorum: quorum, Timeout: durationpb.New(timeout),
	})
	if err != nil {
		a.t.Fatalf("wait for %d: %v", position, err)
	}
	return answer
}

// edges gives "node state" of the edges that are known, as a wait sees them.
func (a api) known() (list []string) {
	a.t.Helper()
	answer, err := a.fleet.ListEdges(a.deadline(), &ringcastv1.ListEdgesRequest{})
	if err != nil {
		a.t.Fatalf("list edges: %v", err)
	}
	for _, e := range answer.GetEdges() {
		state := "live"
		if !e.GetLive() {
			state = "unreachable"
		}
		list = append(list, e.GetNodeId()+" "+state)
	}
	return list
}

// knows waits until those edges are known, and no others.
func (a api) knows(want ...string) {
	a.t.Helper()
	eventually(a.t, fmt.Sprintf("the edges are %q", want), func() error {
		if got := a.known(); strings.Join(got, ",") != strings.Join(want, ",") {
			return fmt.Errorf("they are %q", got)
		}
		return nil
	})
}

func standings(w *ringcastv1.WaitAppliedResponse) string {
	var list []string
	for _, e := range w.GetEdges() {
		list = append(list, e.GetNodeId()+" "+strings.ToLower(strings.TrimPrefix(e.GetState().String(), "STATE_")))
	}
	return strings.Join(list, ", ")
}

func wants(t *testing.T, w *ringcastv1.WaitAppliedResponse, reached bool, want string) {
	t.Helper()
	if w.GetQuorumReached() != reached || standings(w) != want {
		t.Errorf("reached: %v, %s; want %v, %s", w.GetQuorumReached(), standings(w), reached, want)
	}
}

// What is confirmed is enforced: the request after the confirmation is refused, on every
// edge.
func TestConfirmedIsEnforced(t *testing.T) {
	t.Parallel()
	c, origin := startControl(t), startOrigin(t)
	var edges []*edge
	for i := range 3 {
		e := startEdge(t, origin.URL, c.url, "--node-id", fmt.Sprintf("edge-%d", i))
		e.reaches(0)
		edges = append(edges, e)
	}
	c.knows("edge-0 live", "edge-1 live", "edge-2 live")
	for range 5 {
		wants(t, c.waitFor(c.ban("127.0.0.1", "test"), "all", patience), true, "edge-0 confirmed, edge-1 confirmed, edge-2 confirmed")
		for _, e := range edges {
			if a := e.get("/"); a.code != http.StatusForbidden {
				t.Errorf("after the confirmation: %s", a)
			}
		}
		c.waitFor(c.unban("127.0.0.1"), "all", patience)
		for _, e := range edges {
			if a := e.get("/"); a.code != http.StatusOK {
				t.Errorf("after the unban's confirmation: %s", a)
			}
		}
	}
}

// An edge whose link is cut, with a word or without, is named and not counted. It comes
// back, and the wait ends.
func TestCutOffEdgeIsNamed(t *testing.T) {
	t.Parallel()
	c, origin := startControl(t), startOrigin(t)
	startEdge(t, origin.URL, c.url, "--node-id", "near").reaches(0)
	d := openDoor(t, c.httpAddress())
	far := startEdge(t, origin.URL, d.url(), "--node-id", "far")
	far.reaches(0)
	c.knows("far live", "near live")

	d.hold()
	wants(t, c.waitFor(c.ban("127.0.0.1", ""), "all", moment), false, "far lagging, near confirmed")
	if a := far.get("/"); a.code != http.StatusOK {
		t.Errorf("the edge that is cut off knows of the ban: %s", a)
	}
	d.shut()
	c.knows("far unreachable", "near live")
	position := c.ban("127.0.0.2", "")
	wants(t, c.waitFor(position, "all", moment), false, "far unreachable, near confirmed")
	wants(t, c.waitFor(position, "live", patience), true, "near confirmed")
	wants(t, c.waitFor(position, "50%", patience), true, "far unreachable, near confirmed")

	answers := make(chan *ringcastv1.WaitAppliedResponse, 1)
	go func() { answers <- c.waitFor(position, "all", patience) }()
	d.to(c.httpAddress())
	wants(t, <-answers, true, "far confirmed, near confirmed")
	if a := far.get("/"); a.code != http.StatusForbidden {
		t.Errorf("after the confirmation: %s", a)
	}
}

// An edge that is killed stays known; one that stops cleanly leaves. One that comes back
// with an empty data directory is another, until the first is forgotten.
func TestEdgesComeAndGo(t *testing.T) {
	t.Parallel()
	c, origin := startControl(t), startOrigin(t)
	e := startEdge(t, origin.URL, c.url, "--node-id", "e")
	e.reaches(0)
	c.knows("e live")
	if code := e.terminate(); code != 0 {
		t.Errorf("exit code %d", code)
	}
	c.knows()
	wants(t, c.waitFor(c.ban("10.1.1.1", ""), "all", patience), false, "")

	e.start(t)
	e.reaches(0)
	c.knows("e live")
	e.kill()
	c.knows("e unreachable")
	second := startEdge(t, origin.URL, c.url, "--node-id", "e")
	second.reaches(0)
	eventually(t, "two edges of one name", func() error {
		if got := c.known(); len(got) != 2 {
			return fmt.Errorf("known: %v", got)
		}
		return nil
	})
	if w := c.waitFor(c.ban("10.1.1.2", ""), "all", moment); w.GetQuorumReached() || w.GetConfirmed() != 1 || len(w.GetEdges()) != 2 {
		t.Errorf("one counted as two: %v", w)
	}
	if _, err := c.fleet.ForgetEdge(c.deadline(), &ringcastv1.ForgetEdgeRequest{NodeId: "e"}); err != nil {
		t.Fatal(err)
	}
	c.knows("e live")
	wants(t, c.waitFor(c.ban("10.1.1.3", ""), "all", patience), true, "e confirmed")
	if _, err := c.fleet.ForgetEdge(c.deadline(), &ringcastv1.ForgetEdgeRequest{NodeId: "e"}); status.Code(err) != codes.FailedPrecondition {
		t.Errorf("forget a connected edge: %v", err)
	}
}

// Two edges that share a name and run both are listed apart, and never count as one.
func TestTwoLiveEdgesOfOneName(t *testing.T) {
	t.Parallel()
	c, origin := startControl(t), startOrigin(t)
	d := openDoor(t, c.httpAddress())
	startEdge(t, origin.URL, c.url, "--node-id", "twin").reaches(0)
	startEdge(t, origin.URL, d.url(), "--node-id", "twin").reaches(0)
	c.knows("twin live", "twin live")
	wants(t, c.waitFor(c.ban("10.1.1.1", ""), "all", patience), true, "twin confirmed, twin confirmed")
	d.hold()
	if w := c.waitFor(c.ban("10.1.1.2", ""), "all", moment); w.GetQuorumReached() || w.GetConfirmed() != 1 {
		t.Errorf("%v", w)
	}
	one, err := c.fleet.GetEdge(c.deadline(), &ringcastv1.GetEdgeRequest{NodeId: "twin"})
	if err != nil || len(one.GetOtherInstances()) != 1 {
		t.Errorf("%v, %v", one, err)
	}
}

// The fleet outlives the control plane: after a SIGKILL in the middle of a wait the edge
// that is cut off is still known and still waited for.
func TestControlPlaneRestartsDuringAWait(t *testing.T) {
	t.Parallel()
	c, origin := startControl(t), startOrigin(t)
	near, far := openDoor(t, c.httpAddress()), openDoor(t, c.httpAddress())
	startEdge(t, origin.URL, near.url(), "--node-id", "near").reaches(0)
	startEdge(t, origin.URL, far.url(), "--node-id", "far").reaches(0)
	c.knows("far live", "near live")
	far.shut()
	position := c.ban("127.0.0.1", "")
	failed := make(chan error, 1)
	go func() {
		_, err := c.fleet.WaitApplied(c.deadline(), &ringcastv1.WaitAppliedRequest{Position: position, Timeout: durationpb.New(patience)})
		failed <- err
	}()
	c.kill()
	if err := <-failed; status.Code(err) != codes.Unavailable {
		t.Errorf("the wait ended with %v", err)
	}
	c.start(t)
	near.to(c.httpAddress())
	c.knows("far unreachable", "near live")
	wants(t, c.waitFor(position, "all", moment), false, "far unreachable, near confirmed")
	far.to(c.httpAddress())
	wants(t, c.waitFor(position, "all", patience), true, "far confirmed, near confirmed")
}

// A wait does not hold up an orderly stop.
func TestControlPlaneStopsDuringAWait(t *testing.T) {
	t.Parallel()
	c := startControl(t)
	if a := curl(t, "-X", "POST", c.url+"/v1/edges/gone:report", "-d", `{"instance":"i"}`); a.code != http.StatusOK {
		t.Fatalf("report: %s", a)
	}
	failed := make(chan error, 1)
	position := c.ban("10.1.1.1", "")
	go func() {
		_, err := c.fleet.WaitApplied(c.deadline(), &ringcastv1.WaitAppliedRequest{Position: position, Timeout: durationpb.New(patience)})
		failed <- err
	}()
	eventually(t, "somebody waits", func() error {
		if text := must[answer](t)(get(c.url + "/metrics")).body; !strings.Contains(text, "\nringcast_fleet_waiting 1\n") {
			return fmt.Errorf("nobody does")
		}
		return nil
	})
	if code := c.terminate(); code != 0 {
		t.Errorf("exit code %d", code)
	}
	if err := <-failed; status.Code(err) != codes.Unavailable {
		t.Errorf("the wait ended with %v", err)
	}
}
