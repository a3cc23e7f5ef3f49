package api

import (
	"context"

	"google.golang.org/grpc/health"
	"google.golang.org/grpc/health/grpc_health_v1"
)

// healthService says NOT_SERVING where the server runs but no mutation would succeed.
// A Watch hears of the start and the end alone.
type healthService struct {
	*health.Server
	ready func(context.Context) error // or nil
}

// Check implements grpc_health_v1.HealthServer.
func (h *healthService) Check(ctx context.Context, r *grpc_health_v1.HealthCheckRequest) (*grpc_health_v1.HealthCheckResponse, error) {
	answer, err := h.Server.Check(ctx, r)
	if err == nil && h.ready != nil && h.ready(ctx) != nil {
		answer = &grpc_health_v1.HealthCheckResponse{Status: grpc_health_v1.HealthCheckResponse_NOT_SERVING}
	}
	return answer, err
}
