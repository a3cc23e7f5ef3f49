// Package server wires an edge: the state and what follows the stream into it,
// the gates, the cache, the proxy, and the listeners before them.
package server

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/ringcast/ringcast/edgeproxy/autoban"
	"github.com/ringcast/ringcast/edgeproxy/cache"
	"github.com/ringcast/ringcast/edgeproxy/cache/disk"
	"github.com/ringcast/ringcast/edgeproxy/deny"
	"github.com/ringcast/ringcast/edgeproxy/follow"
	"github.com/ringcast/ringcast/edgeproxy/preload"
	"github.com/ringcast/ringcast/edgeproxy/report"
	"github.com/ringcast/ringcast/edgeproxy/state"
	"github.com/ringcast/ringcast/edgeproxy/token"
	"github.com/ringcast/ringcast/edgeproxy/upstream"
	"github.com/ringcast/ringcast/internal/datadir"
	"github.com/ringcast/ringcast/internal/listen"
)

// Files in the data directory.
const (
	// StateFile is the state's.
	StateFile = "state.db"
	// CacheFile is the cache's.
	CacheFile = "cache.db"
)

// Limits of the listeners.
const (
	// readHeaderTimeout keeps clients that send a byte at a time from holding
	// connections.
	readHeaderTimeout = 10 * time.Second
	// idleTimeout ends connections that are kept for nothing.
	idleTimeout = 2 * time.Minute
	// maxHeaderBytes bounds a request's header.
	maxHeaderBytes = 64 << 10
	// reportTimeout bounds how long the control plane may take for an automatic ban.
	reportTimeout = 10 * time.Second
	// drainTimeout is how long a stop waits for answers under way.
	drainTimeout = 10 * time.Second
)

// Server is one edge.
type Server struct {
	settings
	deps    Deps
	started time.Time

	dir      *datadir.Dir
	state    *state.State
	deny     *deny.List
	disk     *disk.Store
	cache    *cache.Cache
	preload  *preload.Loader
	upstream *upstream.Handler
	follower *follow.Follower
	reporter *report.Reporter
	tokens   *token.Verifier
	warden   *autoban.Warden
	gate     *gate
	metrics  *metrics

	traffic, admin                 *http.Server
	trafficListener, adminListener net.Listener
}

// New checks the configuration.
func New(cfg Config, deps Deps) (*Server, error) {
	s, err := cfg.check()
	if err != nil {
		return nil, err
	}
	tokens, err := token.New(s.gates.tokens, token.Deps{Logger: deps.Logger})
	if err != nil {
		return nil, err
	}
	return &Server{settings: s, deps: deps, tokens: tokens}, nil
}

// Open opens the state and the listeners. Nothing is served before Run.
func (s *Server) Open(ctx context.Context) (err error) {
	defer func() {
		if err != nil {
			err = errors.Join(err, s.Close())
		}
	}()
	s.started = time.Now()
	if err = s.tokens.Load(); err != nil {
		return err
	}
	if s.dir, err = datadir.Open(s.DataDir); err != nil {
		return err
	}
	s.deny = deny.New(s.deps.Logger, time.Now, s.Allow...)
	fences := cache.NewFences(time.Now)
	s.preload = preload.New(s.fetchHinted, s.deps.Logger)
	if s.state, err = state.Open(ctx, s.dir.Path(StateFile), s.deps.Logger, s.deny, fences, s.preload); err != nil {
		return err
	}
	if err = s.openCache(ctx, fences); err != nil {
		return err
	}
	if err = s.listen(ctx); err != nil {
		return err
	}
	return s.build()
}

// openCache begins where the last run ended. Where nothing is to be stored the cache
// file goes: what is purged in this run would come back in the next.
func (s *Server) openCache(ctx context.Context, fences *cache.Fences) error {
	var err error
	if s.CacheMemory > 0 && s.CacheMaxBytes > 0 && s.CacheMaxEntries > 0 {
		err = s.openDisk(ctx, fences)
	} else {
		err = disk.Discard(s.dir.Path(CacheFile), s.deps.Logger)
	}
	if err != nil {
		return err
	}
	s.cache = cache.New(cache.Config{
		MaxBytes: int64(min(s.CacheMemory, s.CacheMaxBytes)), MaxEntries: int64(s.CacheMaxEntries),
		MaxObject: int64(s.CacheMaxObject), ExposeTags: s.ExposeCacheTags, IgnoreReload: s.CacheIgnoreReload,
		TTL: s.ttl, Disk: s.disk,
	}, fences, s.state)
	return nil
}

func (s *Server) openDisk(ctx context.Context, fences *cache.Fences) (err error) {
	s.disk, err = disk.Open(ctx, disk.Config{
		Path: s.dir.Path(CacheFile), Instance: s.state.Instance(),
		MaxBytes: int64(s.CacheMaxBytes), MaxEntries: int64(s.CacheMaxEntries), Logger: s.deps.Logger,
	})
	if err != nil {
		return err
	}
	return fences.RaiseTo(ctx, s.state, s.disk.Generation())
}

func (s *Server) build() (err error) {
	s.reporter = s.newReporter()
	s.follower = follow.New(follow.Config{Servers: s.control, Node: s.NodeID, Logger: s.deps.Logger, Reporter: s.reporter}, s.state)
	s.warden, err = autoban.New(s.autoban, autoban.Deps{
		Bans: denyList{s.deny, s.state, s.TrustedProxy}, Now: time.Now, Logger: s.deps.Logger,
		Servers: s.control, Client: &http.Client{Timeout: reportTimeout}, Instance: s.state.Instance(),
	})
	if err != nil {
		return err
	}
	s.metrics = newMetrics(s)
	s.upstream = upstream.New(upstream.Config{
		Origin: s.origin, Hosts: ownHosts(listen.Addresses(s.trafficListener)), MaxBody: int64(s.MaxRequestBody),
		Client: clientOf, IdentityHeader: s.identity, Identity: subjectOf, Answered: s.warden.Answered,
		ShowKey: s.CacheStatusKey, Observe: s.metrics.observe, Log: s.deps.Logger,
	}, s.cache)
	s.gate = &gate{
		clients: s.clients, state: s.state, deny: s.deny, tokens: s.tokens, failed: s.warden.Failed, stale: s.refusesStale,
		next: s.upstream, metrics: s.metrics, log: s.deps.Logger,
	}
	s.traffic = newHTTPServer(s.gate, s.deps.Logger)
	s.admin = newHTTPServer(s.adminHandler(), s.deps.Logger)
	return nil
}

func newHTTPServer(handler http.Handler, log *slog.Logger) *http.Server {
	return &http.Server{
		Handler: handler, ReadHeaderTimeout: readHeaderTimeout, IdleTimeout: idleTimeout, MaxHeaderBytes: maxHeaderBytes,
		ConnContext: withPeer,
		// "OPTIONS *" passes the handler as anything else does.
		DisableGeneralOptionsHandler: true,
		ErrorLog:                     slog.NewLogLogger(log.Handler(), slog.LevelDebug),
	}
}

func (s *Server) listen(ctx context.Context) (err error) {
	if s.trafficListener, err = listen.Listen(ctx, s.Listen); err != nil {
		return fmt.Errorf("--listen: %w", err)
	}
	if s.adminListener, err = listen.Listen(ctx, s.AdminListen); err != nil {
		return fmt.Errorf("--admin-listen: %w", err)
	}
	return nil
}

// Addr is where an open edge listens for traffic.
func (s *Server) Addr() net.Addr { return s.trafficListener.Addr() }

// AdminAddr is where an open edge has health, metrics and status.
func (s *Server) AdminAddr() net.Addr { return s.adminListener.Addr() }

// Run serves until ctx is done, then lets answers under way end. It returns nil
// after a clean stop. The server must be open; Close it afterwards.
func (s *Server) Run(ctx context.Context) error {
	asked := ctx // to end
	group, ctx := errgroup.WithContext(ctx)
	// What is fetched while answers end is stored as well; else the older response on
	// disk would be found after a restart.
	storing, stored := context.WithCancel(context.WithoutCancel(ctx))
	reported := make(chan struct{})
	group.Go(func() error { return ignoreClosed(s.traffic.Serve(s.trafficListener)) })
	group.Go(func() error { return ignoreClosed(s.admin.Serve(s.adminListener)) })
	group.Go(func() error { return s.follower.Run(ctx) })
	group.Go(func() error {
		defer close(reported)
		return s.reporter.Run(ctx)
	})
	group.Go(func() error { return s.deny.Run(ctx, s.state) })
	group.Go(func() error { return s.tokens.Run(ctx) })
	group.Go(func() error { return s.warden.Run(ctx) })
	group.Go(func() error { return s.preload.Run(ctx) })
	group.Go(func() error { return s.cache.Run(ctx, s.deps.Logger) })
	if s.disk != nil {
		group.Go(func() error { return s.disk.Run(storing) })
	}
	group.Go(func() error {
		<-ctx.Done()
		err := s.drain()
		stored()
		<-reported
		s.leave(asked)
		return err
	})
	s.deps.Logger.Info("edge serves", "node", s.NodeID,
		"listen", listen.Addresses(s.trafficListener), "admin", listen.Addresses(s.adminListener))
	return group.Wait()
}

// drain returns when nothing more can be stored.
func (s *Server) drain() error {
	s.deps.Logger.Info("draining")
	ctx, cancel := context.WithTimeout(context.Background(), drainTimeout)
	defer cancel()
	var errs []error
	for _, server := range []*http.Server{s.traffic, s.admin} {
		if err := server.Shutdown(ctx); err != nil {
			s.deps.Logger.Warn("answers cut off", "error", err)
			errs = append(errs, ignoreClosed(server.Close()))
		}
	}
	s.upstream.Close()
	s.cache.Close()
	return errors.Join(errs...)
}

// Close gives up everything that Open took. It can be called again.
func (s *Server) Close() error {
	errs := []error{listen.Close(s.trafficListener, s.adminListener)}
	if s.upstream != nil {
		s.upstream.Close()
	}
	if s.cache != nil {
		s.cache.Close()
	}
	if s.disk != nil {
		errs = append(errs, s.disk.Close())
	}
	if s.state != nil {
		errs = append(errs, s.state.Close())
	}
	if s.dir != nil {
		errs = append(errs, s.dir.Close())
	}
	return errors.Join(errs...)
}

func ignoreClosed(err error) error {
	if errors.Is(err, net.ErrClosed) || errors.Is(err, http.ErrServerClosed) {
		return nil
	}
	return err
}
