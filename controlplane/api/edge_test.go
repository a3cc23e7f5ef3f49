package api_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/ringcast/ringcast/controlplane"
	"github.com/ringcast/ringcast/controlplane/eventlog"
	ringcastv1 "github.com/ringcast/ringcast/gen/ringcast/v1"
	"github.com/ringcast/ringcast/internal/wire"
)

// seen is as much of an edge in JSON as the tests look at.
type seen struct {
	NodeID         string   `json:"node_id"`
	Instance       string   `json:"instance"`
	Position       string   `json:"position"`
	Level          bool     `json:"level"`
	Live           bool     `json:"live"`
	State          string   `json:"state"`
	Version        string   `json:"version"`
	Staleness      string   `json:"staleness"`
	OtherInstances []string `json:"other_instances"`
	Counts         struct {
		Bans string `json:"bans"`
	} `json:"counts"`
}

// ask is for calls that succeed.
func ask[T any](e *env, method, path, body string) (v T) {
	e.t.Helper()
	a := e.rest(method, path, body)
	if a.status != http.StatusOK {
		e.t.Fatalf("%s %s: %d %s", method, path, a.status, a.text)
	}
	if err := json.Unmarshal([]byte(a.text), &v); err != nil {
		e.t.Fatalf("%s %s: %v in %s", method, path, err, a.text)
	}
	return v
}

// An edge's life over REST: it reports, is listed, confirms a ban, and leaves.
func TestEdgeOverREST(t *testing.T) {
	t.Parallel()
	e := start(t)
	stream := e.edges.Connected(t.Context(), controlplane.EdgeKey{Node: "edge a:1", Instance: "i1"}, wire.Cursor{})
	banned := ask[struct{ Position, Epoch string }](e, "POST", "/v1/bans", `{"ip":"1.2.3.4"}`)

	late := ask[struct {
		QuorumReached bool `json:"quorum_reached"`
		Edges         []seen
	}](e, "POST", "/v1/positions/"+banned.Position+":wait", `{"quorum":"all","timeout":"0.001s"}`)
	if late.QuorumReached || len(late.Edges) != 1 || late.Edges[0].State != "STATE_LAGGING" {
		t.Errorf("%+v", late)
	}
	report := fmt.Sprintf(`{"instance":"i1","epoch":%q,"position":%q,"in_force_for":"0.2s","version":"v1","staleness":"1.5s","start_time":"2026-01-02T03:04:05Z","sequence":"1","counts":{"bans":"3"}}`, banned.Epoch, banned.Position)
	after := ask[struct {
		ReportAfter string `json:"report_after"`
	}](e, "POST", "/v1/edges/edge%20a%3A1:report", report)
	if after.ReportAfter != "5s" {
		t.Errorf("report again after %s", after.ReportAfter)
	}
	got := ask[seen](e, "GET", "/v1/edges/edge%20a%3A1", "")
	if !got.Level || !got.Live || got.Position != banned.Position || got.Version != "v1" || got.Staleness != "1.500s" || got.Counts.Bans != "3" {
		t.Errorf("%+v", got)
	}
	done := ask[struct {
		QuorumReached bool   `json:"quorum_reached"`
		Position      string `json:"position"`
		Edges         []seen
	}](e, "POST", "/v1/positions/"+banned.Position+":wait", `{"epoch":"`+banned.Epoch+`"}`)
	if !done.QuorumReached || done.Position != banned.Position || done.Edges[0].State != "STATE_CONFIRMED" {
		t.Errorf("%+v", done)
	}
	if a := e.rest("DELETE", "/v1/edges/edge%20a%3A1", ""); a.status != http.StatusBadRequest || a.reason() != "EDGE_CONNECTED" {
		t.Errorf("forget a connected edge: %d %s", a.status, a.text)
	}
	stream.Close()
	ask[struct{}](e, "POST", "/v1/edges/edge%20a%3A1:report", `{"instance":"i1","leaving":true}`)
	if a := e.rest("GET", "/v1/edges/edge%20a%3A1", ""); a.status != http.StatusNotFound || a.reason() != "UNKNOWN_EDGE" {
		t.Errorf("an edge that left: %d %s", a.status, a.text)
	}
}

func TestListEdgesPages(t *testing.T) {
	t.Parallel()
	e := start(t)
	for i := range 7 {
		ask[struct{}](e, "POST", fmt.Sprintf("/v1/edges/e%d:report", i/2), fmt.Sprintf(`{"instance":"i%d"}`, i))
	}
	var names []string
	for token := ""; ; {
		page := ask[struct {
			Edges         []seen
			NextPageToken string `json:"next_page_token"`
		}](e, "GET", "/v1/edges?page_size=3&page_token="+token, "")
		for _, edge := range page.Edges {
			names = append(names, edge.NodeID+edge.Instance)
		}
		if token = page.NextPageToken; token == "" {
			break
		}
	}
	if want := "[e0i0 e0i1 e1i2 e1i3 e2i4 e2i5 e3i6]"; fmt.Sprint(names) != want {
		t.Errorf("%v", names)
	}
	if got := ask[seen](e, "GET", "/v1/edges/e1?instance=i2", ""); got.Instance != "i2" || fmt.Sprint(got.OtherInstances) != "[i3]" {
		t.Errorf("%+v", got)
	}
	// A token of another list is none of this one's.
	e.rest("POST", "/v1/bans", `{"ip":"1.2.3.4"}`)
	e.rest("POST", "/v1/bans", `{"ip":"1.2.3.5"}`)
	bans := ask[struct {
		NextPageToken string `json:"next_page_token"`
	}](e, "GET", "/v1/bans?page_size=1", "")
	if a := e.rest("GET", "/v1/edges?page_token="+bans.NextPageToken, ""); a.status != http.StatusBadRequest {
		t.Errorf("a token of the bans: %d", a.status)
	}
}

// A forgotten edge is gone, by whom the audit says, and a repeat changes nothing.
func TestForgetEdgeIsAMutation(t *testing.T) {
	t.Parallel()
	e := start(t)
	ask[struct{}](e, "POST", "/v1/edges/a:report", `{"instance":"i"}`)
	forget := func() uint64 {
		r, err := e.fleet.ForgetEdge(t.Context(), &ringcastv1.ForgetEdgeRequest{NodeId: "a", RequestId: "once"})
		if err != nil {
			t.Fatal(err)
		}
		return r.GetPosition()
	}
	first := forget()
	ask[struct{}](e, "POST", "/v1/edges/a:report", `{"instance":"i"}`)
	if again := forget(); again != first {
		t.Errorf("a repeat is at %d, and not at %d", again, first)
	}
	ask[seen](e, "GET", "/v1/edges/a", "")
	audit := ask[struct{ Records []struct{ Position string } }](e, "GET", "/v1/audit?rpc=ForgetEdge", "")
	if len(audit.Records) != 1 || audit.Records[0].Position != fmt.Sprint(first) {
		t.Errorf("%+v", audit)
	}
}

func TestFleetRefusals(t *testing.T) {
	t.Parallel()
	e := start(t)
	for _, test := range []struct{ path, body, reason string }{
		{"/v1/edges/" + fmt.Sprintf("%0257d", 0) + ":report", `{}`, "INVALID_NODE_ID"},
		{"/v1/edges/a%0Ab:report", `{}`, "INVALID_NODE_ID"},
		{"/v1/edges/a:report", `{"instance":"i\u0000"}`, "INVALID_INSTANCE"},
		{"/v1/positions/0:wait", `{"quorum":"most"}`, "INVALID_QUORUM"},
		{"/v1/positions/0:wait", `{"timeout":"3601s"}`, "INVALID_TIMEOUT"},
		{"/v1/positions/9999:wait", `{}`, "POSITION_AHEAD"},
		{"/v1/positions/0:wait", `{"epoch":"another"}`, "ANOTHER_EPOCH"},
	} {
		if a := e.rest("POST", test.path, test.body); a.status != http.StatusBadRequest || a.reason() != test.reason {
			t.Errorf("%.40s %s: %d %s", test.path, test.body, a.status, a.text)
		}
	}
	if _, err := e.fleet.GetEdge(t.Context(), &ringcastv1.GetEdgeRequest{}); status.Code(err) != codes.InvalidArgument {
		t.Errorf("no node_id: %v", err)
	}
}

// A time that no answer could tell is refused: it would spoil the list for everybody.
func TestReportOfNoTime(t *testing.T) {
	t.Parallel()
	e := start(t)
	for _, seconds := range []int64{1 << 40, -(1 << 40)} {
		_, err := e.fleet.ReportEdge(t.Context(), &ringcastv1.ReportEdgeRequest{NodeId: "a", StartTime: &timestamppb.Timestamp{Seconds: seconds}})
		if status.Code(err) != codes.InvalidArgument {
			t.Errorf("%d: %v", seconds, err)
		}
	}
	if a := e.rest("GET", "/v1/edges", ""); a.status != http.StatusOK {
		t.Errorf("%d %s", a.status, a.text)
	}
}

// The outcome of a wait names every edge, however many there are and whatever their names.
func TestWaitForManyEdges(t *testing.T) {
	t.Parallel()
	e := start(t)
	const units, size = 90, eventlog.MaxUnit
	for unit := range units {
		join := func(s controlplane.State) (events []controlplane.Event, err error) {
			for i := range size {
				key := controlplane.EdgeKey{Node: strings.Repeat("x", 240) + fmt.Sprint(unit*size+i), Instance: strings.Repeat("y", 256)}
				joined, err := controlplane.Join{Edge: key}.Decide(s)
				if err != nil {
					return nil, err
				}
				events = append(events, joined...)
			}
			return events, nil
		}
		if _, err := e.roster.Append(t.Context(), join, eventlog.Request{Principal: "test", RPC: "test", Detail: "{}"}); err != nil {
			t.Fatal(err)
		}
	}
	got := ask[struct {
		QuorumReached bool `json:"quorum_reached"`
		Edges         []seen
	}](e, "POST", "/v1/positions/0:wait", `{"timeout":"0s"}`)
	if got.QuorumReached || len(got.Edges) != units*size {
		t.Errorf("reached: %v, %d edges", got.QuorumReached, len(got.Edges))
	}
}

// An edge that does not know how stale it is does not pass for one that is not stale.
func TestStalenessUnknown(t *testing.T) {
	t.Parallel()
	e := start(t)
	defer e.edges.Connected(t.Context(), controlplane.EdgeKey{Node: "silent"}, wire.Cursor{}).Close()
	for body, want := range map[string]string{`{}`: "", `{"staleness":"0s"}`: "0s", `{"staleness":"-5s"}`: "0s"} {
		ask[struct{}](e, "POST", "/v1/edges/a:report", body)
		if got := ask[seen](e, "GET", "/v1/edges/a", ""); got.Staleness != want {
			t.Errorf("%s: %q", body, got.Staleness)
		}
	}
	if got := ask[seen](e, "GET", "/v1/edges/silent", ""); got.Staleness != "" {
		t.Errorf("no report: %q", got.Staleness)
	}
}
