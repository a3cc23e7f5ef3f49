package server

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/ringcast/ringcast/internal/listen"
)

// drainTimeout is how long a stop waits for the streams to end by themselves, and
// then for the calls: a reader that is stuck takes nothing from those.
// Supervisors commonly kill after 30 s.
const drainTimeout = 5 * time.Second

// draining is set once the server begins to stop.
type draining struct{ flag atomic.Bool }

// Run serves until ctx is done, then drains: readers get what is left and a
// goodbye, calls get their answers. It returns nil after a clean stop. The
// server must be open; Close it afterwards.
func (s *Server) Run(ctx context.Context) error {
	group, ctx := errgroup.WithContext(ctx)
	// The API ends last: REST calls under way need it.
	apiCtx, endAPI := context.WithCancel(context.WithoutCancel(ctx))
	defer endAPI()
	group.Go(func() error { return s.api.Run(apiCtx, s.grpcListener) })
	group.Go(func() error { return ignoreClosed(s.http.Serve(s.httpListener)) })
	group.Go(func() error { return s.compact(ctx) })
	group.Go(func() error { return s.watchRing(ctx) })
	group.Go(func() error { return s.fleet.Run(ctx) })
	group.Go(func() error {
		<-ctx.Done()
		defer endAPI()
		return s.drain()
	})
	s.deps.Logger.Info("control plane ready", "http", listen.Addresses(s.httpListener), "grpc", listen.Addresses(s.grpcListener))
	return group.Wait()
}

// watchRing ends the server if the ring lost a unit: readers must not go on as
// though it had never been.
func (s *Server) watchRing(ctx context.Context) error {
	select {
	case err := <-s.ringErr:
		return fmt.Errorf("the stream would miss a unit: %w", err)
	case <-ctx.Done():
		return nil
	}
}

// drain ends the streams first: they are what keeps the HTTP server from shutting
// down. Invalidations that wait for others are still to reach them.
func (s *Server) drain() error {
	s.flag.Store(true)
	s.deps.Logger.Info("draining")
	streams, cancel := context.WithTimeout(context.Background(), drainTimeout)
	defer cancel()
	if s.invalidations != nil {
		if err := s.invalidations.Flush(streams); err != nil {
			s.deps.Logger.Warn("streams end before the last invalidations", "error", err)
		}
	}
	if err := s.stream.Drain(streams); err != nil {
		s.deps.Logger.Warn("streams cut off", "error", err)
	}
	calls, cancel := context.WithTimeout(context.Background(), drainTimeout)
	defer cancel()
	if err := s.http.Shutdown(calls); err != nil {
		s.deps.Logger.Warn("connections cut off", "error", err)
		return ignoreClosed(s.http.Close())
	}
	return nil
}

// compact keeps the log's size bounded by its live state.
func (s *Server) compact(ctx context.Context) error {
	tick := time.NewTicker(s.cfg.compactInterval())
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
		if err := errors.Join(s.log.Compact(ctx), s.roster.Compact(ctx)); err != nil && ctx.Err() == nil {
			s.deps.Logger.Error("the log was not compacted and grows", "error", err)
		}
	}
}
