package api

import (
	"context"
	"fmt"

	"github.com/ringcast/ringcast/controlplane"
	"github.com/ringcast/ringcast/controlplane/eventlog"
	ringcastv1 "github.com/ringcast/ringcast/gen/ringcast/v1"
)

type cacheService struct {
	ringcastv1.UnimplementedCacheServiceServer
	log           eventlog.Log
	invalidations Invalidations
}

// Invalidations are appended to the log, several perhaps as one event.
type Invalidations interface {
	// Append returns once the invalidation that a request asks for is durable. It
	// has the errors of eventlog.Log's Append.
	Append(context.Context, controlplane.Invalidation, eventlog.Request) (eventlog.Receipt, error)
}

// alone makes an event of each invalidation.
type alone struct{ log eventlog.Log }

// Append implements Invalidations.
func (a alone) Append(ctx context.Context, i controlplane.Invalidation, r eventlog.Request) (eventlog.Receipt, error) {
	receipts, err := a.log.Append(ctx, i.Decide, r)
	if err != nil {
		return eventlog.Receipt{}, err
	}
	return receipts[0], nil
}

// Invalidate implements ringcastv1.CacheServiceServer.
func (s *cacheService) Invalidate(ctx context.Context, req *ringcastv1.InvalidateRequest) (*ringcastv1.InvalidateResponse, error) {
	invalidation, err := newInvalidation(req)
	if err != nil {
		return nil, err
	}
	request, err := newRequest(ctx, ringcastv1.CacheService_Invalidate_FullMethodName, req)
	if err != nil {
		return nil, err
	}
	receipt, err := s.invalidations.Append(ctx, invalidation, request)
	if err != nil {
		return nil, fmt.Errorf("append: %w", err)
	}
	return &ringcastv1.InvalidateResponse{Position: receipt.Position, Epoch: receipt.Epoch}, nil
}

// Preload implements ringcastv1.CacheServiceServer.
func (s *cacheService) Preload(ctx context.Context, req *ringcastv1.PreloadRequest) (*ringcastv1.PreloadResponse, error) {
	preload, err := newPreload(req)
	if err != nil {
		return nil, err
	}
	receipt, err := appendOne(ctx, s.log, ringcastv1.CacheService_Preload_FullMethodName, req, preload.Decide)
	if err != nil {
		return nil, err
	}
	return &ringcastv1.PreloadResponse{Position: receipt.Position, Epoch: receipt.Epoch}, nil
}

func newInvalidation(req *ringcastv1.InvalidateRequest) (controlplane.Invalidation, error) {
	return controlplane.NewInvalidation(controlplane.Invalidation{
		Tags: req.GetTags(), Keys: req.GetKeys(), All: req.GetAll(), Soft: req.GetSoft(),
		Settle: req.GetSettle().AsDuration(),
	})
}

func newPreload(req *ringcastv1.PreloadRequest) (controlplane.Preload, error) {
	return controlplane.NewPreload(controlplane.Preload{Routes: req.GetRoutes()})
}
