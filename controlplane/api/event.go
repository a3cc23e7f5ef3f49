package api

import (
	"context"

	"github.com/ringcast/ringcast/controlplane"
	"github.com/ringcast/ringcast/controlplane/eventlog"
	ringcastv1 "github.com/ringcast/ringcast/gen/ringcast/v1"
)

type eventService struct {
	ringcastv1.UnimplementedEventServiceServer
	log eventlog.Log
}

// Publish implements ringcastv1.EventServiceServer.
func (s *eventService) Publish(ctx context.Context, req *ringcastv1.PublishRequest) (*ringcastv1.PublishResponse, error) {
	publication, err := newPublication(req)
	if err != nil {
		return nil, err
	}
	receipt, err := appendOne(ctx, s.log, ringcastv1.EventService_Publish_FullMethodName, req, publication.Decide)
	if err != nil {
		return nil, err
	}
	return &ringcastv1.PublishResponse{Position: receipt.Position, Epoch: receipt.Epoch}, nil
}

func newPublication(req *ringcastv1.PublishRequest) (controlplane.Publication, error) {
	return controlplane.NewPublication(controlplane.Publication{Channel: req.GetChannel(), Type: req.GetType(), Data: req.GetData()})
}
