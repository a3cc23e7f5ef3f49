package api

import (
	"context"
	"time"

	"github.com/ringcast/ringcast/controlplane/fleet"
	ringcastv1 "github.com/ringcast/ringcast/gen/ringcast/v1"
	"github.com/ringcast/ringcast/internal/wire"
)

// defaultWait is how long WaitApplied waits unless told otherwise.
const defaultWait = 30 * time.Second

// WaitApplied implements ringcastv1.FleetServiceServer.
func (s *fleetService) WaitApplied(ctx context.Context, req *ringcastv1.WaitAppliedRequest) (*ringcastv1.WaitAppliedResponse, error) {
	quorum, err := fleet.ParseQuorum(req.GetQuorum())
	if err != nil {
		return nil, err
	}
	timeout := defaultWait
	if req.GetTimeout() != nil {
		timeout = req.GetTimeout().AsDuration()
	}
	outcome, err := s.fleet.Wait(ctx, fleet.WaitRequest{
		At:     wire.Cursor{Epoch: req.GetEpoch(), Position: req.GetPosition()},
		Quorum: quorum, Timeout: timeout, AllowNone: req.GetAllowNoEdges(),
	})
	if err != nil {
		return nil, err
	}
	return outcomeOf(outcome, quorum), nil
}

func outcomeOf(o fleet.Outcome, quorum fleet.Quorum) *ringcastv1.WaitAppliedResponse {
	answer := &ringcastv1.WaitAppliedResponse{
		QuorumReached: o.Reached, Position: o.At.Position, Epoch: o.At.Epoch, Quorum: quorum.String(),
		Needed: uint32(o.Needed), Confirmed: uint32(o.Confirmed), Elapsed: durationOf(o.Elapsed),
		Forgotten: forgottenOf(o.Forgotten),
	}
	for _, c := range o.Edges {
		answer.Edges = append(answer.Edges, &ringcastv1.EdgeConfirmation{
			NodeId: c.Node, Instance: c.Instance, State: stateOf(c.Standing), Position: c.Position,
			LastHeard: timestampOf(c.Heard), UnreachableSince: timestampOf(c.UnreachableSince),
		})
	}
	return answer
}

func stateOf(standing fleet.Standing) ringcastv1.EdgeConfirmation_State {
	switch standing {
	case fleet.Confirmed:
		return ringcastv1.EdgeConfirmation_STATE_CONFIRMED
	case fleet.Lagging:
		return ringcastv1.EdgeConfirmation_STATE_LAGGING
	case fleet.Unreachable:
		return ringcastv1.EdgeConfirmation_STATE_UNREACHABLE
	default:
		return ringcastv1.EdgeConfirmation_STATE_GONE
	}
}
