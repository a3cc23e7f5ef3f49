// Package api is the control plane's admin API: the gRPC services, the REST
// gateway in front of them, and the only mapping between their messages and the
// domain.
//
// REST crosses the same interceptors as gRPC. The gateway calls the services within
// the process and hands them the caller's identity, which is believed from there
// alone; see direct.go and identity.go.
package api

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"golang.org/x/sync/errgroup"
	"google.golang.org/grpc"
	"google.golang.org/grpc/health"
	"google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/reflection"

	"github.com/ringcast/ringcast/controlplane/eventlog"
	"github.com/ringcast/ringcast/controlplane/fleet"
	ringcastv1 "github.com/ringcast/ringcast/gen/ringcast/v1"
)

// drainTimeout bounds the wait for running calls at the end, so that a health
// watcher, whose call has no end, cannot hold up a shutdown.
const drainTimeout = 5 * time.Second

// Config is what a Server needs to know.
type Config struct {
	// Version is the program's, for GetStatus.
	Version string
	// Logger gets the errors that callers are not told the whole of; nil: nobody
	// does.
	Logger *slog.Logger
	// Metrics registers ringcast_rpc_requests_total; nil: it is not counted.
	Metrics prometheus.Registerer
	// Now is the clock; nil: time.Now.
	Now func() time.Time
	// Ready gives why mutations would fail at present, for the health service; nil: they
	// never do.
	Ready func(context.Context) error
	// MaxTokenLife is the longest that a token is valid from its issue; 0: not
	// known.
	MaxTokenLife time.Duration
	// Invalidations take those of single requests; nil: each becomes an event of its
	// own in the log.
	Invalidations Invalidations
}

// Streams knows the streams that this node serves.
type Streams interface {
	// Open returns how many are open, and how many of them are edges'.
	Open() (all, edges int)
}

// Deps are what a Server works on.
type Deps struct {
	// Log takes the mutations.
	Log eventlog.Log
	// Fleet knows the edges.
	Fleet *fleet.Fleet
	// Streams are those of this node.
	Streams Streams
}

// Server answers the admin API.
type Server struct {
	grpc    *grpc.Server
	health  *health.Server
	direct  *direct
	gateway *gateway
	imports *imports
}

// New makes a server. The error is that of a registerer that knows the metrics already.
func New(cfg Config, deps Deps) (*Server, error) {
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	if cfg.Invalidations == nil {
		cfg.Invalidations = alone{deps.Log}
	}
	rules, err := newRules()
	if err != nil {
		return nil, err
	}
	count, err := newCounter(cfg.Metrics)
	if err != nil {
		return nil, err
	}
	chain := unaryChain(cfg, count, rules)
	s := &Server{
		grpc: grpc.NewServer(serverOptions(cfg, count, chain)...), health: health.NewServer(), direct: newDirect(chain...),
		imports: &imports{log: deps.Log, rules: rules, draining: make(chan struct{})},
	}
	s.register(cfg, deps)
	if s.gateway, err = newGateway(s.direct); err != nil {
		return nil, err
	}
	return s, nil
}

func (s *Server) register(cfg Config, deps Deps) {
	into := registrars{s.grpc, s.direct}
	log := deps.Log
	ringcastv1.RegisterBanServiceServer(into, &banService{log: log, now: cfg.Now, imports: s.imports})
	ringcastv1.RegisterAllowServiceServer(into, &allowService{log: log})
	ringcastv1.RegisterTokenServiceServer(into, &tokenService{log: log, now: cfg.Now, life: cfg.MaxTokenLife})
	ringcastv1.RegisterCacheServiceServer(into, &cacheService{log: log, invalidations: cfg.Invalidations})
	ringcastv1.RegisterBatchServiceServer(into, &batchService{log: log, members: batchMembers{rules: s.imports.rules, life: cfg.MaxTokenLife}})
	ringcastv1.RegisterEventServiceServer(into, &eventService{log: log})
	ringcastv1.RegisterAuditServiceServer(into, &auditService{log: log})
	ringcastv1.RegisterFleetServiceServer(into, &fleetService{
		log: log, fleet: deps.Fleet, streams: deps.Streams, version: cfg.Version, started: cfg.Now(),
	})
	for service := range s.grpc.GetServiceInfo() {
		s.health.SetServingStatus(service, grpc_health_v1.HealthCheckResponse_SERVING)
	}
	grpc_health_v1.RegisterHealthServer(s.grpc, &healthService{s.health, cfg.Ready})
	reflection.Register(s.grpc)
}

// Handler answers REST requests on every path, with errors in JSON for those
// that are not its own. It is not protected from web pages; see Guard. It takes
// calls until Run ends.
func (s *Server) Handler() http.Handler { return s.gateway }

// Run serves gRPC on listener until ctx ends or listener fails, and closes listener.
// A Server runs once. Whoever serves the Handler ends that first: the end of Run ends
// REST requests under way.
func (s *Server) Run(ctx context.Context, listener net.Listener) error {
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error { return s.serve(limitConns(listener, maxConns)) })
	group.Go(func() error {
		<-ctx.Done()
		s.drain()
		return nil
	})
	return group.Wait()
}

func (s *Server) serve(listener net.Listener) error {
	if err := s.grpc.Serve(listener); err != nil && !errors.Is(err, grpc.ErrServerStopped) {
		return fmt.Errorf("serve gRPC: %w", err)
	}
	return nil
}

func (s *Server) drain() {
	s.health.Shutdown()
	s.imports.drain()
	hard := time.AfterFunc(drainTimeout, s.grpc.Stop)
	defer hard.Stop()
	s.grpc.GracefulStop()
	s.imports.wait()
	s.direct.drain()
}

// Close gives up what New took, for a Server that may not have run. Call it after
// Run; it can be called again.
func (s *Server) Close() {
	s.grpc.Stop()
	s.direct.stop()
}
