package api

import (
	"context"

	"github.com/ringcast/ringcast/controlplane"
	"github.com/ringcast/ringcast/controlplane/eventlog"
	ringcastv1 "github.com/ringcast/ringcast/gen/ringcast/v1"
	"github.com/ringcast/ringcast/internal/wire"
)

type allowService struct {
	ringcastv1.UnimplementedAllowServiceServer
	log eventlog.Log
}

// AllowIP implements ringcastv1.AllowServiceServer.
func (s *allowService) AllowIP(ctx context.Context, req *ringcastv1.AllowIPRequest) (*ringcastv1.AllowIPResponse, error) {
	allow, err := newAllow(req)
	if err != nil {
		return nil, err
	}
	receipt, err := appendOne(ctx, s.log, ringcastv1.AllowService_AllowIP_FullMethodName, req, allow.Decide)
	if err != nil {
		return nil, err
	}
	return &ringcastv1.AllowIPResponse{Position: receipt.Position, Epoch: receipt.Epoch}, nil
}

// RemoveAllow implements ringcastv1.AllowServiceServer.
func (s *allowService) RemoveAllow(ctx context.Context, req *ringcastv1.RemoveAllowRequest) (*ringcastv1.RemoveAllowResponse, error) {
	remove, err := newRemoveAllow(req)
	if err != nil {
		return nil, err
	}
	receipt, err := appendOne(ctx, s.log, ringcastv1.AllowService_RemoveAllow_FullMethodName, req, remove.Decide)
	if err != nil {
		return nil, err
	}
	return &ringcastv1.RemoveAllowResponse{Position: receipt.Position, Epoch: receipt.Epoch}, nil
}

// ListAllows implements ringcastv1.AllowServiceServer.
func (s *allowService) ListAllows(ctx context.Context, req *ringcastv1.ListAllowsRequest) (*ringcastv1.ListAllowsResponse, error) {
	allows, next, err := list(ctx, s.log, controlplane.AllowPrefix, req, allowOf)
	if err != nil {
		return nil, err
	}
	return &ringcastv1.ListAllowsResponse{Allows: allows, NextPageToken: next}, nil
}

func newAllow(req *ringcastv1.AllowIPRequest) (controlplane.Allow, error) {
	ip, err := parseNewIP(req.GetIp())
	return controlplane.Allow{IP: ip, Reason: req.GetReason(), TTL: req.GetTtl().AsDuration()}, err
}

func newRemoveAllow(req *ringcastv1.RemoveAllowRequest) (controlplane.RemoveAllow, error) {
	ip, err := parseIP(req.GetIp())
	return controlplane.RemoveAllow{IP: ip}, err
}

func allowOf(event controlplane.Event) (*ringcastv1.Allow, error) {
	allowed, err := decode[wire.IPAllowed](event)
	if err != nil {
		return nil, err
	}
	return &ringcastv1.Allow{
		Ip: allowed.IP, Reason: allowed.Reason,
		CreateTime: timestampOf(event.Time), ExpiresAt: timestampOf(event.ExpiresAt),
		Position: event.Position,
	}, nil
}
