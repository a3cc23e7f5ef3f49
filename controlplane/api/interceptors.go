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
	ringcastv1 "github.com/ringcast/ringcast/gen/ringcast/v1"
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
	// that hangs. It also bounds those of one connection.
	maxCalls = 4096
	// maxImports bounds the imports under way, each of which may have importWindow
	// requests of MaxMessageBytes in memory. They take no place of maxCalls.
	maxImports = 16
	// maxWatches bounds the other streams, of health and reflection, which cost a
	// goroutine for as long as their caller likes. They take no place of maxCalls.
	maxWatches = 1024
	// maxWaits bounds the waits for edges under way, each of which costs memory for every
	// edge, and lasts. They take no place of maxCalls.
	maxWaits = 256
	// handshakeTimeout ends a connection that does not begin to speak.
	handshakeTimeout = 10 * time.Second
	// minPing is how often a caller may ping: more is an attack.
	minPing = 10 * time.Second
	// pingAfter of silence, a caller that does not answer within pingTimeout is
	// gone, and its connection closed.
	pingAfter   = time.Minute
	pingTimeout = 20 * time.Second
)

// reasonBusy tells that maxCalls are under way, or as many streams as may be.
const reasonBusy = "TOO_MANY_CALLS"

// unaryChain is what every call crosses, from the outermost on: those of gRPC and of
// REST, which share the limits.
func unaryChain(cfg Config, count counter, rules rules) []grpc.UnaryServerInterceptor {
	calls := unaryLimits{calls: newCallLimit(maxCalls, "calls"), waits: newCallLimit(maxWaits, "waits")}
	return []grpc.UnaryServerInterceptor{
		count.unary,
		mapErrors{cfg.Logger}.unary,
		recovery.UnaryServerInterceptor(),
		calls.unary,
		identify,
		rules.unary,
	}
}

func serverOptions(cfg Config, count counter, chain []grpc.UnaryServerInterceptor) []grpc.ServerOption {
	streams := streamLimits{imports: newCallLimit(maxImports, "imports"), watches: newCallLimit(maxWatches, "streams")}
	return []grpc.ServerOption{
		grpc.MaxRecvMsgSize(maxTransportBytes),
		grpc.MaxHeaderListSize(maxMetadataBytes),
		grpc.MaxConcurrentStreams(maxCalls),
		grpc.ConnectionTimeout(handshakeTimeout),
		grpc.KeepaliveEnforcementPolicy(keepalive.EnforcementPolicy{MinTime: minPing, PermitWithoutStream: true}),
		grpc.KeepaliveParams(keepalive.ServerParameters{Time: pingAfter, Timeout: pingTimeout}),
		grpc.ChainUnaryInterceptor(chain...),
		// A stream's messages are checked where they are read.
		grpc.ChainStreamInterceptor(
			count.stream,
			mapErrors{cfg.Logger}.stream,
			recovery.StreamServerInterceptor(),
			streams.stream,
			identifyStream,
		),
	}
}

// counter counts calls by their outcome.
type counter struct{ requests *prometheus.CounterVec }

// newCounter makes a metric with as many series as there are methods and codes:
// calls of unknown methods do not come here.
func newCounter(metrics prometheus.Registerer) (counter, error) {
	requests := prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "ringcast_rpc_requests_total",
		Help: "Calls of the admin API by method and gRPC code, REST included.",
	}, []string{"method", "code"})
	if metrics != nil {
		if err := metrics.Register(requests); err != nil {
			return counter{}, fmt.Errorf("register metrics: %w", err)
		}
	}
	return counter{requests}, nil
}

func (c counter) unary(ctx context.Context, req any, info *grpc.UnaryServerInfo, handle grpc.UnaryHandler) (any, error) {
	resp, err := handle(ctx, req)
	c.count(info.FullMethod, err)
	return resp, err
}

func (c counter) stream(srv any, stream grpc.ServerStream, info *grpc.StreamServerInfo, handle grpc.StreamHandler) error {
	err := handle(srv, stream)
	c.count(info.FullMethod, err)
	return err
}

func (c counter) count(method string, err error) {
	c.requests.WithLabelValues(method, status.Code(err).String()).Inc()
}

// callLimit has a place for each call of a kind that may be under way.
type callLimit struct {
	places chan struct{}
	kind   string // in the plural
}

func newCallLimit(limit int, kind string) callLimit {
	return callLimit{make(chan struct{}, limit), kind}
}

// unaryLimits are the places of calls, and those of calls that last.
type unaryLimits struct{ calls, waits callLimit }

func (l unaryLimits) unary(ctx context.Context, req any, info *grpc.UnaryServerInfo, handle grpc.UnaryHandler) (any, error) {
	limit := l.calls
	if info.FullMethod == ringcastv1.FleetService_WaitApplied_FullMethodName {
		limit = l.waits
	}
	if err := limit.enter(); err != nil {
		return nil, err
	}
	defer limit.leave()
	return handle(ctx, req)
}

func (l callLimit) enter() error {
	select {
	case l.places <- struct{}{}:
		return nil
	default:
		return controlplane.Errorf(controlplane.Unavailable, reasonBusy, "%d %s are under way already; try again", cap(l.places), l.kind)
	}
}

func (l callLimit) leave() { <-l.places }

// streamLimits are the places of streams, which last: were they those of calls, idle
// streams could keep everybody from banning.
type streamLimits struct{ imports, watches callLimit }

func (l streamLimits) stream(srv any, stream grpc.ServerStream, info *grpc.StreamServerInfo, handle grpc.StreamHandler) error {
	limit := l.watches
	if info.FullMethod == ringcastv1.BanService_ImportBans_FullMethodName {
		limit = l.imports
	}
	if err := limit.enter(); err != nil {
		return err
	}
	defer limit.leave()
	return handle(srv, stream)
}

// rules are those that the protos spell out, and the limit on a message's size.
type rules struct{ protovalidate.Validator }

func newRules() (rules, error) {
	validator, err := protovalidate.New()
	if err != nil {
		return rules{}, fmt.Errorf("make validator: %w", err)
	}
	return rules{validator}, nil
}

// check refuses messages that are too large or break the rules in their proto.
func (r rules) check(message proto.Message) error {
	if proto.Size(message) > MaxMessageBytes {
		return controlplane.Errorf(controlplane.Invalid, reasonTooLarge, sentenceTooLarge)
	}
	return r.Validate(message)
}

func (r rules) unary(ctx context.Context, req any, _ *grpc.UnaryServerInfo, handle grpc.UnaryHandler) (any, error) {
	if message, ok := req.(proto.Message); ok {
		if err := r.check(message); err != nil {
			return nil, err
		}
	}
	return handle(ctx, req)
}
