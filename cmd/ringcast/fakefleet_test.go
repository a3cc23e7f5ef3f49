package main

import (
	"context"
	"fmt"
	"sync"
	"testing"

	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/timestamppb"

	ringcastv1 "github.com/ringcast/ringcast/gen/ringcast/v1"
)

// fakeFleet is the fleet of a fake.
type fakeFleet struct {
	ringcastv1.UnimplementedFleetServiceServer
	edges     []*ringcastv1.Edge
	forgotten []*ringcastv1.ForgottenEdge
	// wait answers WaitApplied; attempt counts from 1.
	wait func(attempt int, r *ringcastv1.WaitAppliedRequest) (*ringcastv1.WaitAppliedResponse, error)

	fleetMu sync.Mutex // guards what follows
	waits   []*ringcastv1.WaitAppliedRequest
	forgets []*ringcastv1.ForgetEdgeRequest
}

func (f *fakeFleet) WaitApplied(_ context.Context, r *ringcastv1.WaitAppliedRequest) (*ringcastv1.WaitAppliedResponse, error) {
	f.fleetMu.Lock()
	f.waits = append(f.waits, proto.CloneOf(r))
	attempt := len(f.waits)
	f.fleetMu.Unlock()
	return f.wait(attempt, r)
}

// waited gives the requests to wait.
func (f *fakeFleet) waited() []*ringcastv1.WaitAppliedRequest {
	f.fleetMu.Lock()
	defer f.fleetMu.Unlock()
	return f.waits
}

// ListEdges has pages of at most 2, and tokens that are indexes.
func (f *fakeFleet) ListEdges(_ context.Context, r *ringcastv1.ListEdgesRequest) (*ringcastv1.ListEdgesResponse, error) {
	begin := 0
	if r.GetPageToken() != "" {
		if _, err := fmt.Sscan(r.GetPageToken(), &begin); err != nil {
			return nil, refusal(codes.InvalidArgument, "INVALID_PAGE_TOKEN", "made up")
		}
	}
	end := min(begin+min(int(r.GetPageSize()), 2), len(f.edges))
	answer := &ringcastv1.ListEdgesResponse{Edges: f.edges[begin:end], Forgotten: f.forgotten}
	if end < len(f.edges) {
		answer.NextPageToken = fmt.Sprint(end)
	}
	return answer, nil
}

func (f *fakeFleet) GetEdge(_ context.Context, r *ringcastv1.GetEdgeRequest) (*ringcastv1.Edge, error) {
	for _, edge := range f.edges {
		if edge.GetNodeId() == r.GetNodeId() && (r.GetInstance() == "" || edge.GetInstance() == r.GetInstance()) {
			return edge, nil
		}
	}
	return nil, refusal(codes.NotFound, "UNKNOWN_EDGE", "no edge is known by that name")
}

func (f *fakeFleet) ForgetEdge(_ context.Context, r *ringcastv1.ForgetEdgeRequest) (*ringcastv1.ForgetEdgeResponse, error) {
	f.fleetMu.Lock()
	defer f.fleetMu.Unlock()
	f.forgets = append(f.forgets, proto.CloneOf(r))
	return &ringcastv1.ForgetEdgeResponse{Position: 42, Epoch: "7f3a9c"}, nil
}

// at is a time of the tests.
func at(seconds int64) *timestamppb.Timestamp {
	return &timestamppb.Timestamp{Seconds: 1763719200 + seconds}
}

// inForce answers that everybody who counts has it in force.
func inForce(edges int) func(int, *ringcastv1.WaitAppliedRequest) (*ringcastv1.WaitAppliedResponse, error) {
	return func(_ int, r *ringcastv1.WaitAppliedRequest) (*ringcastv1.WaitAppliedResponse, error) {
		answer := waitAnswer(r, confirmations(edges)...)
		answer.QuorumReached = true
		return answer, nil
	}
}

// notInForce answers with edges, and without the quorum.
func notInForce(edges ...*ringcastv1.EdgeConfirmation) func(int, *ringcastv1.WaitAppliedRequest) (*ringcastv1.WaitAppliedResponse, error) {
	return func(_ int, r *ringcastv1.WaitAppliedRequest) (*ringcastv1.WaitAppliedResponse, error) {
		return waitAnswer(r, edges...), nil
	}
}

func waitAnswer(r *ringcastv1.WaitAppliedRequest, edges ...*ringcastv1.EdgeConfirmation) *ringcastv1.WaitAppliedResponse {
	answer := &ringcastv1.WaitAppliedResponse{
		Position: r.GetPosition(), Epoch: r.GetEpoch(), Quorum: r.GetQuorum(), Edges: edges, Elapsed: durationpb.New(38e6),
		Needed: uint32(quorum(r.GetQuorum()).of(len(edges))),
	}
	for _, edge := range edges {
		if edge.GetState() == ringcastv1.EdgeConfirmation_STATE_CONFIRMED {
			answer.Confirmed++
		}
	}
	return answer
}

// confirmations are of edges that have it in force.
func confirmations(n int) []*ringcastv1.EdgeConfirmation {
	var edges []*ringcastv1.EdgeConfirmation
	for i := range n {
		edges = append(edges, &ringcastv1.EdgeConfirmation{
			NodeId: fmt.Sprintf("edge-%d", i+1), State: ringcastv1.EdgeConfirmation_STATE_CONFIRMED, Position: 99,
		})
	}
	return edges
}

func lagging(node, instance string, position uint64) *ringcastv1.EdgeConfirmation {
	return &ringcastv1.EdgeConfirmation{NodeId: node, Instance: instance, State: ringcastv1.EdgeConfirmation_STATE_LAGGING, Position: position}
}

func unreachable(node string, since *timestamppb.Timestamp) *ringcastv1.EdgeConfirmation {
	return &ringcastv1.EdgeConfirmation{NodeId: node, State: ringcastv1.EdgeConfirmation_STATE_UNREACHABLE, Position: 99, UnreachableSince: since}
}

// hostileName is hostile as one argument.
const hostileName = "a\x1b[2Jb\u202ec"

// hostileFleet has names that steer a terminal.
func hostileFleet() fakeFleet {
	return fakeFleet{
		edges:     []*ringcastv1.Edge{{NodeId: hostile, Instance: hostile, Version: hostile, OtherInstances: []string{hostile}}, {NodeId: "x", Address: hostile}},
		forgotten: []*ringcastv1.ForgottenEdge{{NodeId: hostile, Instance: hostile}},
		wait: func(_ int, r *ringcastv1.WaitAppliedRequest) (*ringcastv1.WaitAppliedResponse, error) {
			answer := waitAnswer(r, lagging(hostile, hostile, 1), lagging(hostile, "\x1b", 2))
			answer.Forgotten = []*ringcastv1.ForgottenEdge{{NodeId: hostile, Instance: hostile}}
			answer.Quorum = "2" + hostile
			return answer, nil
		},
	}
}

// serverOf starts a fake with a fleet.
func serverOf(t testing.TB, wait func(int, *ringcastv1.WaitAppliedRequest) (*ringcastv1.WaitAppliedResponse, error)) (*fake, string) {
	t.Helper()
	f := new(fake)
	f.wait = wait
	return f, f.start(t)
}
