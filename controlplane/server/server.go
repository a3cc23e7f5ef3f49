// Package server wires a control plane: the log, the ring at its end, the
// stream, the API, and the listeners before them.
package server

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/ringcast/ringcast/controlplane"
	"github.com/ringcast/ringcast/controlplane/api"
	"github.com/ringcast/ringcast/controlplane/coalesce"
	"github.com/ringcast/ringcast/controlplane/eventlog"
	"github.com/ringcast/ringcast/controlplane/eventlog/sqlite"
	"github.com/ringcast/ringcast/controlplane/fleet"
	"github.com/ringcast/ringcast/controlplane/ring"
	"github.com/ringcast/ringcast/controlplane/stream"
	"github.com/ringcast/ringcast/internal/datadir"
	"github.com/ringcast/ringcast/internal/listen"
	"github.com/ringcast/ringcast/internal/wire"
)

// What the data directory has of the fleet.
const (
	// FleetDir has the roster of edges, a log in a file of the same name as the other.
	FleetDir = "fleet"
	// ReportsFile has the edges' last reports.
	ReportsFile = "reports.db"
)

// Server is one control plane.
type Server struct {
	cfg  Config
	deps Deps

	dir     *datadir.Dir
	log     *sqlite.Log
	roster  *sqlite.Log
	appends *writableLog // log, for those who append
	// invalidations is nil where none waits for others.
	invalidations *coalesce.Invalidations
	ring          *ring.Ring
	fleet         *fleet.Fleet
	stream        *stream.Server
	api           *api.Server
	metrics       *prometheus.Registry
	http          *http.Server

	httpListener, grpcListener net.Listener
	// ringErr takes the error of an append to the ring, after which readers
	// would miss a unit.
	ringErr chan error
	draining
}

// New checks the configuration.
func New(cfg Config, deps Deps) (*Server, error) {
	if err := cfg.check(); err != nil {
		return nil, err
	}
	return &Server{cfg: cfg, deps: deps, ringErr: make(chan error, 1)}, nil
}

// Open opens the log and the listeners. Nothing is served before Run.
func (s *Server) Open(ctx context.Context) (err error) {
	defer func() {
		if err != nil {
			err = errors.Join(err, s.Close())
		}
	}()
	if s.dir, err = datadir.Open(s.cfg.DataDir); err != nil {
		return err
	}
	s.metrics = newRegistry(s)
	if err := s.openLog(ctx); err != nil {
		return err
	}
	if err := s.openFleet(ctx); err != nil {
		return err
	}
	if err := s.build(); err != nil {
		return err
	}
	return s.listen(ctx)
}

func (s *Server) openLog(ctx context.Context) (err error) {
	file := s.dir.Path(sqlite.FileName)
	isNew := isAbsent(file)
	s.log, err = sqlite.Open(ctx, sqlite.Config{
		Dir: s.cfg.DataDir, Retention: s.cfg.retention(), Committed: s.publish,
	})
	if err != nil {
		return err
	}
	head, err := s.log.Head(ctx)
	if err != nil {
		return err
	}
	s.appends = &writableLog{Log: s.log, logger: s.deps.Logger}
	s.ring = ring.New(head.Epoch, head.Position, s.cfg.RingSize, int(s.cfg.RingBytes))
	if isNew {
		s.warnOfNewLog(head.Epoch, file)
	}
	s.deps.Logger.Info("log open", "epoch", head.Epoch, "position", head.Position)
	return nil
}

// openFleet opens the roster beside the log. Nothing is appended to either before it has
// returned.
func (s *Server) openFleet(ctx context.Context) error {
	dir := s.dir.Path(FleetDir)
	if err := os.MkdirAll(dir, dirMode); err != nil {
		return fmt.Errorf("make directory of the fleet: %w", err)
	}
	var err error
	s.roster, err = sqlite.Open(ctx, sqlite.Config{
		Dir: dir, Retention: eventlog.Retention{Tombstone: s.cfg.TombstoneRetention},
		Committed: func(units []controlplane.Unit) { s.fleet.Enrolled(units) },
	})
	if err != nil {
		return fmt.Errorf("fleet: %w", err)
	}
	s.fleet = fleet.New(fleet.Config{
		File: filepath.Join(dir, ReportsFile), ForgetAfter: s.cfg.ForgetEdgesAfter, Registerer: s.metrics, Logger: s.deps.Logger,
	}, s.appends, s.roster)
	return s.fleet.Load(ctx)
}

// dirMode keeps others from what the log says.
const dirMode = 0o700

// isAbsent tells that there is no file, or one in which nothing was begun.
func isAbsent(file string) bool {
	info, err := os.Stat(file)
	return errors.Is(err, fs.ErrNotExist) || (err == nil && info.Size() == 0)
}

// warnOfNewLog is for whoever meant another directory. A path from the working
// directory would not show that.
func (s *Server) warnOfNewLog(epoch, file string) {
	if whole, err := filepath.Abs(file); err == nil {
		file = whole
	}
	s.deps.Logger.Warn("started a new log: edges will be reset to it, which lifts what an earlier log banned and revoked",
		"epoch", epoch, "file", file)
}

// publish puts units that have become durable before all readers.
func (s *Server) publish(units []controlplane.Unit) {
	s.fleet.Committed(units) // before any edge can have them
	if err := s.ring.Append(units); err != nil {
		select {
		case s.ringErr <- err:
		default:
		}
	}
}

func (s *Server) build() error {
	s.stream = stream.New(stream.Config{
		Heartbeat: s.cfg.Heartbeat, MaxSubscribers: s.cfg.MaxSubscribers,
		Registerer: s.metrics, Refuse: api.Refuse, Logger: s.deps.Logger,
		Connected: func(ctx context.Context, edge controlplane.EdgeKey, at wire.Cursor) stream.EdgeStream {
			return s.fleet.Connected(ctx, edge, at)
		},
	}, s.log, s.ring)
	if err := s.buildAPI(); err != nil {
		return err
	}
	s.http = newHTTPServer(s.handler(), s.deps.Logger)
	return nil
}

func (s *Server) buildAPI() (err error) {
	cfg := api.Config{
		Version: s.deps.Version, Logger: s.deps.Logger, Metrics: s.metrics,
		MaxTokenLife: s.cfg.MaxTokenLife, Ready: s.appends.writable,
	}
	if s.cfg.InvalidateWindow > 0 {
		s.invalidations, err = coalesce.New(coalesce.Config{Window: s.cfg.InvalidateWindow, Metrics: s.metrics}, s.appends)
		if err != nil {
			return err
		}
		cfg.Invalidations = s.invalidations
	}
	s.api, err = api.New(cfg, api.Deps{Log: s.appends, Fleet: s.fleet, Streams: s.stream})
	return err
}

func (s *Server) listen(ctx context.Context) (err error) {
	if s.httpListener, err = listen.Listen(ctx, s.cfg.HTTPListen); err != nil {
		return fmt.Errorf("--http-listen: %w", err)
	}
	if s.grpcListener, err = listen.Listen(ctx, s.cfg.GRPCListen); err != nil {
		return fmt.Errorf("--grpc-listen: %w", err)
	}
	return nil
}

// HTTPAddr and GRPCAddr are where an open server listens.
func (s *Server) HTTPAddr() net.Addr { return s.httpListener.Addr() }

// GRPCAddr is where an open server listens for gRPC.
func (s *Server) GRPCAddr() net.Addr { return s.grpcListener.Addr() }

// Close gives up everything that Open took. It can be called again.
func (s *Server) Close() error {
	errs := []error{listen.Close(s.httpListener, s.grpcListener)}
	if s.api != nil {
		s.api.Close()
	}
	if s.fleet != nil {
		errs = append(errs, s.fleet.Close())
	}
	if s.roster != nil {
		errs = append(errs, s.roster.Close())
	}
	if s.invalidations != nil {
		s.invalidations.Close()
	}
	if s.log != nil {
		errs = append(errs, s.log.Close())
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

// compactEvery is how often the log is compacted, at the least.
const compactEvery = time.Minute

// compactInterval follows a short retention, so that it means what it says.
func (c Config) compactInterval() time.Duration {
	return min(compactEvery, c.TombstoneRetention/2, c.MomentRetention/2, c.AuditRetention/2)
}
