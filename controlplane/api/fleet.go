package api

import (
	"context"
	"fmt"
	"time"

	"github.com/ringcast/ringcast/controlplane"
	"github.com/ringcast/ringcast/controlplane/eventlog"
	"github.com/ringcast/ringcast/controlplane/fleet"
	ringcastv1 "github.com/ringcast/ringcast/gen/ringcast/v1"
)

type fleetService struct {
	ringcastv1.UnimplementedFleetServiceServer
	log     eventlog.Log
	fleet   *fleet.Fleet
	streams Streams
	version string
	started time.Time
}

// GetStatus implements ringcastv1.FleetServiceServer.
func (s *fleetService) GetStatus(ctx context.Context, _ *ringcastv1.GetStatusRequest) (*ringcastv1.GetStatusResponse, error) {
	head, err := s.log.Head(ctx)
	if err != nil {
		return nil, fmt.Errorf("read head: %w", err)
	}
	bans, err := s.log.Count(ctx, controlplane.BanPrefix)
	if err != nil {
		return nil, fmt.Errorf("count bans: %w", err)
	}
	revocations, err := s.log.Count(ctx, controlplane.TokenPrefix)
	if err != nil {
		return nil, fmt.Errorf("count revocations: %w", err)
	}
	allows, err := s.log.Count(ctx, controlplane.AllowPrefix)
	if err != nil {
		return nil, fmt.Errorf("count allow entries: %w", err)
	}
	all, edges := s.streams.Open()
	known, level := s.fleet.Count()
	return &ringcastv1.GetStatusResponse{
		Version: s.version, StartTime: timestampOf(s.started),
		Epoch: head.Epoch, Head: head.Position, Horizon: head.Horizon, MomentHorizon: head.MomentHorizon,
		Subscribers: uint32(all), EdgeSubscribers: uint32(edges),
		Bans: bans, Revocations: revocations, Allows: allows,
		KnownEdges: uint32(known), LevelEdges: uint32(level), Forgotten: forgottenOf(s.fleet.Forgotten()),
	}, nil
}
