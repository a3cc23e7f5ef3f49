package api

import (
	"context"
	"fmt"
	"strings"
	"time"

	"google.golang.org/protobuf/types/known/durationpb"

	"github.com/ringcast/ringcast/controlplane"
	"github.com/ringcast/ringcast/controlplane/fleet"
	ringcastv1 "github.com/ringcast/ringcast/gen/ringcast/v1"
	"github.com/ringcast/ringcast/internal/wire"
)

// ListEdges implements ringcastv1.FleetServiceServer.
func (s *fleetService) ListEdges(ctx context.Context, req *ringcastv1.ListEdgesRequest) (*ringcastv1.ListEdgesResponse, error) {
	head, err := s.log.Head(ctx)
	if err != nil {
		return nil, fmt.Errorf("read head: %w", err)
	}
	tokens := pageTokens{epoch: head.Epoch, prefix: controlplane.EdgePrefix}
	place, err := tokens.parse(req.GetPageToken())
	if err != nil {
		return nil, err
	}
	size := int(req.GetPageSize())
	if size == 0 {
		size = defaultPageSize
	}
	edges, more := s.fleet.Edges(ctx, edgeAfter(place), size)
	answer := &ringcastv1.ListEdgesResponse{Forgotten: forgottenOf(s.fleet.Forgotten())}
	for _, e := range edges {
		answer.Edges = append(answer.Edges, edgeOf(e))
	}
	if more {
		answer.NextPageToken = tokens.format(placeOf(edges[len(edges)-1].EdgeKey))
	}
	return answer, nil
}

// placeOf is an edge in a page token. No name has a control character in it.
func placeOf(key controlplane.EdgeKey) string {
	return controlplane.EdgePrefix + key.Node + "\x00" + key.Instance
}

// edgeAfter reads what placeOf made; the empty text is the place before all edges.
func edgeAfter(place string) controlplane.EdgeKey {
	node, instance, _ := strings.Cut(strings.TrimPrefix(place, controlplane.EdgePrefix), "\x00")
	return controlplane.EdgeKey{Node: node, Instance: instance}
}

// GetEdge implements ringcastv1.FleetServiceServer.
func (s *fleetService) GetEdge(ctx context.Context, req *ringcastv1.GetEdgeRequest) (*ringcastv1.Edge, error) {
	found, others, err := s.fleet.Edge(ctx, controlplane.EdgeKey{Node: req.GetNodeId(), Instance: req.GetInstance()})
	if err != nil {
		return nil, err
	}
	edge := edgeOf(found)
	edge.OtherInstances = others
	return edge, nil
}

// ReportEdge implements ringcastv1.FleetServiceServer.
func (s *fleetService) ReportEdge(ctx context.Context, req *ringcastv1.ReportEdgeRequest) (*ringcastv1.ReportEdgeResponse, error) {
	key := controlplane.EdgeKey{Node: req.GetNodeId(), Instance: req.GetInstance()}
	if req.GetStartTime() != nil && !req.GetStartTime().IsValid() {
		return nil, controlplane.Errorf(controlplane.Invalid, reasonMalformed, "start_time is not well-formed: it is of no year from 1 to 9999")
	}
	report := reportOf(ctx, req)
	if req.GetLeaving() {
		return &ringcastv1.ReportEdgeResponse{}, s.fleet.Leave(ctx, key, report)
	}
	after, err := s.fleet.Report(ctx, key, report)
	if err != nil {
		return nil, err
	}
	return &ringcastv1.ReportEdgeResponse{ReportAfter: durationpb.New(after)}, nil
}

func reportOf(ctx context.Context, req *ringcastv1.ReportEdgeRequest) fleet.Report {
	counts := req.GetCounts()
	r := fleet.Report{
		At:  wire.Cursor{Epoch: req.GetEpoch(), Position: req.GetPosition()},
		Age: -1, Version: req.GetVersion(), Staleness: -1,
		Sequence: req.GetSequence(), Address: controlplane.PrincipalFrom(ctx).Address,
		Counts: fleet.Counts{
			Bans: counts.GetBans(), Allows: counts.GetAllows(),
			Revocations: counts.GetRevocations(), CacheEntries: counts.GetCacheEntries(),
		},
	}
	if req.GetInForceFor() != nil {
		r.Age = req.GetInForceFor().AsDuration()
	}
	if req.GetStaleness() != nil {
		r.Staleness = max(req.GetStaleness().AsDuration(), 0)
	}
	if req.GetStartTime() != nil {
		r.Start = req.GetStartTime().AsTime()
	}
	return r
}

// ForgetEdge implements ringcastv1.FleetServiceServer.
func (s *fleetService) ForgetEdge(ctx context.Context, req *ringcastv1.ForgetEdgeRequest) (*ringcastv1.ForgetEdgeResponse, error) {
	request, err := newRequest(ctx, ringcastv1.FleetService_ForgetEdge_FullMethodName, req)
	if err != nil {
		return nil, err
	}
	receipt, err := s.fleet.Forget(ctx, controlplane.EdgeKey{Node: req.GetNodeId(), Instance: req.GetInstance()}, request)
	if err != nil {
		return nil, err
	}
	return &ringcastv1.ForgetEdgeResponse{Position: receipt.Position, Epoch: receipt.Epoch}, nil
}

func edgeOf(e fleet.Edge) *ringcastv1.Edge {
	edge := &ringcastv1.Edge{
		NodeId: e.Node, Instance: e.Instance, Epoch: e.At.Epoch, Position: e.At.Position,
		Level: e.Level, Shared: e.Shared, Behind: durationOf(e.Behind), Live: e.Live(),
		ConnectTime: timestampOf(e.Connected), LastHeard: timestampOf(e.Heard), UnreachableSince: timestampOf(e.UnreachableSince),
		Version: e.Version, StartTime: timestampOf(e.Start), Address: e.Address,
	}
	if e.Staleness >= 0 {
		edge.Staleness = durationOf(e.Staleness)
	}
	edge.Counts = &ringcastv1.EdgeCounts{
		Bans: e.Counts.Bans, Allows: e.Counts.Allows, Revocations: e.Counts.Revocations, CacheEntries: e.Counts.CacheEntries,
	}
	return edge
}

// durationOf leaves out what no clock is good for.
func durationOf(d time.Duration) *durationpb.Duration {
	return durationpb.New(d.Round(time.Millisecond))
}

func forgottenOf(forgotten []fleet.Forgotten) []*ringcastv1.ForgottenEdge {
	var list []*ringcastv1.ForgottenEdge
	for _, e := range forgotten {
		list = append(list, &ringcastv1.ForgottenEdge{NodeId: e.Node, Instance: e.Instance, ForgetTime: timestampOf(e.At)})
	}
	return list
}
