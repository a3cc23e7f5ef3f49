package api

import (
	"context"
	"fmt"
	"time"

	"buf.build/go/protovalidate"
	"github.com/grpc-ecosystem/go-grpc-middleware/v2/interceptors/recovery"
	"github.com/prometheus/client_golang/prometheus"
	"google.golang.org/grpc"
	"google.golang.org/grpc/keepalive"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"

	"github.com/ringcast/ringcast/controlplane"
)

// Limits on what callers can make the server hold.
const (
	// MaxMessageBytes bounds a request, in proto or in JSON, and so the memory
	// that one call takes. Whatever the other limits allow fits.
	MaxMessageBytes = 1 << 20
	// maxTransportBytes bounds what gRPC reads before there is a message to
	// measure. Up to it a request beyond MaxMessageBytes is told the limit; beyond
	// it grpc-go's own RESOURCE_EXHAUSTED answers, without an ErrorInfo.
	maxTransportBytes = 2 * MaxMessageBytes
	// maxMetadataBytes bounds a call's headers.
	maxMetadataBytes = 16 << 10
	// maxConns bounds the connections, and so their goroutines and buffers.
	maxConns = 4096
	// maxCalls bounds the calls under way, and so what piles up behind a log
	// that hangs. It also bounds those of one connection, since REST is one.
	maxCalls = 4096
	// handshakeTimeout ends a connection that does not begin to speak.
	handshakeTimeout = 10 * time.Second
	// minPing is how often a caller may ping: more is an attack.
	minPing = 10 * time.Second
	// pingAfter of silence, a caller that does not answer within pingTimeout is
	// gone, and its connection closed.
	pingAfter   = time.Minute
	pingTimeout = 20 * time.Second
)

// reasonBusy tells that maxCalls are under way.
const reasonBusy = "TOO_MANY_CALLS"

func serverOptions(cfg Config) ([]grpc.ServerOption, error) {
	count, err := newCounter(cfg.Metrics)
	if err != nil {
		return nil, err
	}
	validator, err := protovalidate.New()
	if err != nil {
		return nil, fmt.Errorf("make validator: %w", err)
	}
	return []grpc.ServerOption{
		grpc.MaxRecvMsgSize(maxTransportBytes),
		grpc.MaxHeaderListSize(maxMetadataBytes),
		grpc.MaxConcurrentStreams(maxCalls),
		grpc.ConnectionTimeout(handshakeTimeout),
		grpc.KeepaliveEnforcementPolicy(keepalive.EnforcementPolicy{MinTime: minPing, PermitWithoutStream: true}),
		grpc.KeepaliveParams(keepalive.ServerParameters{Time: pingAfter, Timeout: pingTimeout}),
		grpc.ChainUnaryInterceptor(
			count,
			mapErrors(cfg.Logger),
			recovery.UnaryServerInterceptor(),
			limitCalls(maxCalls),
			identify,
			validate(validator),
		),
		grpc.ChainStreamInterceptor(recovery.StreamServerInterceptor()),
	}, nil
}

// newCounter counts calls by their outcome. Its metric has as many series as
// there are methods and codes: calls of unknown methods do not come here.
func newCounter(metrics prometheus.Registerer) (grpc.UnaryServerInterceptor, error) {
	requests := prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "ringcast_rpc_requests_total",
		Help: "Calls of the admin API by method and gRPC code, REST included.",
	}, []string{"method", "code"})
	if metrics != nil {
		if err := metrics.Register(requests); err != nil {
			return nil, fmt.Errorf("register metrics: %w", err)
		}
	}
	return func(ctx context.Context, req any, info *grpc.UnaryServerInfo, handle grpc.UnaryHandler) (any, error) {
		resp, err := handle(ctx, req)
		requests.WithLabelValues(info.FullMethod, status.Code(err).String()).Inc()
		return resp, err
	}, nil
}

func limitCalls(limit int) grpc.UnaryServerInterceptor {
	places := make(chan struct{}, limit)
	return func(ctx context.Context, req any, _ *grpc.UnaryServerInfo, handle grpc.UnaryHandler) (any, error) {
		select {
		case places <- struct{}{}:
			defer func() { <-places }()
			return handle(ctx, req)
		default:
			return nil, controlplane.Errorf(controlplane.Unavailable, reasonBusy, "%d calls are under way already; try again", limit)
		}
	}
}

// validate refuses messages that are too large or break the rules in their proto.
func validate(validator protovalidate.Validator) grpc.UnaryServerInterceptor {
	return func(ctx context.Context, req any, _ *grpc.UnaryServerInfo, handle grpc.UnaryHandler) (any, error) {
		if message, ok := req.(proto.Message); ok {
			if proto.Size(message) > MaxMessageBytes {
				return nil, controlplane.Errorf(controlplane.Invalid, reasonTooLarge, sentenceTooLarge)
			}
			if err := validator.Validate(message); err != nil {
				return nil, err
			}
		}
		return handle(ctx, req)
	}
}
