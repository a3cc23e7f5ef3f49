// Package stream serves the log to its readers as Server-Sent Events.
//
// A reader is a cursor: the last position that it has. What follows is read from
// the ring as long as that reaches back far enough, and from the log elsewhere,
// so a resume from any position misses nothing and repeats nothing. Where the log
// has forgotten what the reader would need, the reader gets the whole live state
// instead, between a reset and a synced.
package stream

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"log/slog"
	mathrand "math/rand/v2"
	"net"
	"net/http"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/ringcast/ringcast/controlplane"
	"github.com/ringcast/ringcast/controlplane/eventlog"
	"github.com/ringcast/ringcast/controlplane/ring"
	"github.com/ringcast/ringcast/internal/wire"
)

const (
	// writeTimeout is how long a write may take until the subscriber counts as
	// stuck and is dropped. It keeps dead connections from holding memory.
	writeTimeout = 30 * time.Second
	// minRetry and maxRetry bound the time after which subscribers are asked to
	// come back. It is drawn for each, so that they do not come back as one.
	minRetry = time.Second
	maxRetry = 3 * time.Second
	// maxIdentity bounds the node and instance that a reader gives, which are
	// kept as long as it is connected.
	maxIdentity = 256
)

// Config is what a Server may be told.
type Config struct {
	// Heartbeat is the time between heartbeats.
	Heartbeat time.Duration
	// MaxSubscribers bounds the streams open at once; 0: no bound.
	MaxSubscribers int
	// Now is the clock; nil: time.Now.
	Now func() time.Time
	// Registerer takes the metrics; nil: none are kept.
	Registerer prometheus.Registerer
	// Refuse answers a request that gets no stream, in the form of all refusals of
	// the control plane; nil: as plain text.
	Refuse func(w http.ResponseWriter, httpStatus int, reason, sentence string)
	// Connected is told of each edge that opens a stream, and of the cursor that it goes
	// on from; the zero value: none. Nil: nobody is.
	Connected func(context.Context, controlplane.EdgeKey, wire.Cursor) EdgeStream
	// Logger says who comes and goes, at the debug level.
	Logger *slog.Logger

	writeTimeout time.Duration
}

// Server serves GET /events.
type Server struct {
	cfg     Config
	log     eventlog.Log
	ring    *ring.Ring
	metrics *metrics

	mu       sync.Mutex    // guards what follows
	draining chan struct{} // closed when the server drains
	gone     chan struct{} // closed when the last stream has ended after that
	drained  bool
	edges    int
	others   int
}

// New returns a server of a log and of the ring at its end.
func New(cfg Config, log eventlog.Log, ring *ring.Ring) *Server {
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if cfg.Refuse == nil {
		cfg.Refuse = func(w http.ResponseWriter, httpStatus int, _, sentence string) { http.Error(w, sentence, httpStatus) }
	}
	if cfg.writeTimeout == 0 {
		cfg.writeTimeout = writeTimeout
	}
	return &Server{cfg: cfg, log: log, ring: ring, metrics: newMetrics(cfg.Registerer), draining: make(chan struct{}), gone: make(chan struct{})}
}

// Open counts the open streams, and those of edges among them.
func (s *Server) Open() (all, edges int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.edges + s.others, s.edges
}

// Drain tells every subscriber that the server is about to end, after all that
// it has for them, and waits until they are gone or ctx is done. New ones are
// refused.
func (s *Server) Drain(ctx context.Context) error {
	s.mu.Lock()
	if !s.drained {
		s.drained = true
		close(s.draining)
		s.endLast()
	}
	s.mu.Unlock()
	select {
	case <-s.gone:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("drain streams: %w", ctx.Err())
	}
}

// endLast is called with mu held.
func (s *Server) endLast() {
	if s.drained && s.edges+s.others == 0 {
		close(s.gone)
	}
}

// leaving tells whether the server drains.
func (s *Server) leaving() bool {
	select {
	case <-s.draining:
		return true
	default:
		return false
	}
}

// ServeHTTP implements http.Handler.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodGet {
		w.Header().Set("Allow", http.MethodGet)
		s.cfg.Refuse(w, http.StatusMethodNotAllowed, "METHOD_NOT_ALLOWED", "the stream answers GET only")
		return
	}
	sub, invalid := parseSubscription(r)
	if invalid != nil {
		s.cfg.Refuse(w, http.StatusBadRequest, invalid.reason, invalid.sentence)
		return
	}
	if !s.enter(sub) {
		if s.leaving() {
			s.cfg.Refuse(w, http.StatusServiceUnavailable, "DRAINING", "the server is shutting down; try another, or come back")
			return
		}
		s.metrics.refused.Inc()
		w.Header().Set("Retry-After", fmt.Sprint(int(jitter(minRetry, 4*maxRetry)/time.Second)))
		s.cfg.Refuse(w, http.StatusServiceUnavailable, "AT_CAPACITY", "Server at capacity")
		return
	}
	defer s.leave(sub)
	s.serve(w, r, sub)
}

func (s *Server) serve(w http.ResponseWriter, r *http.Request, sub subscription) {
	// A stream outlives the time that a request may take to arrive. Writers that
	// know no deadline have none to lift.
	_ = http.NewResponseController(w).SetReadDeadline(time.Time{})
	h := w.Header()
	h.Set("Content-Type", wire.StreamMediaType)
	h.Set("Cache-Control", "no-cache, no-transform")
	h.Set("X-Accel-Buffering", "no")
	w.WriteHeader(http.StatusOK)
	session := &session{
		server: s, sub: sub, out: newOutput(w, s.cfg.writeTimeout, s.metrics),
		clientID: newClientID(), position: sub.cursor.Position,
	}
	if sub.filter != nil {
		session.view = s.ring.View(sub.filter)
		defer session.view.Close()
	}
	started := s.cfg.Now()
	ctx := controlplane.WithPrincipal(r.Context(), controlplane.Principal{Name: controlplane.Anonymous, Address: hostOf(r.RemoteAddr)})
	if sub.audience == controlplane.Edges && s.cfg.Connected != nil {
		session.asker.edge = s.cfg.Connected(ctx, controlplane.EdgeKey{Node: sub.node, Instance: sub.instance}, sub.cursor)
		defer session.asker.edge.Close()
	}
	err := session.run(ctx)
	s.metrics.ended(err)
	if s.cfg.Logger != nil {
		s.cfg.Logger.Debug("stream ended", "client_id", session.clientID, "node", sub.node,
			"position", session.position, "after", s.cfg.Now().Sub(started).Round(time.Millisecond), "reason", reasonOf(err))
	}
}

// enter admits a subscriber, unless there are enough or the server drains.
func (s *Server) enter(sub subscription) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.drained || (s.cfg.MaxSubscribers > 0 && s.edges+s.others >= s.cfg.MaxSubscribers) {
		return false
	}
	*s.counter(sub)++
	s.metrics.subscribers.WithLabelValues(sub.kind()).Inc()
	return true
}

func (s *Server) leave(sub subscription) {
	s.mu.Lock()
	defer s.mu.Unlock()
	*s.counter(sub)--
	s.metrics.subscribers.WithLabelValues(sub.kind()).Dec()
	s.endLast()
}

func (s *Server) counter(sub subscription) *int {
	if sub.audience == controlplane.Edges {
		return &s.edges
	}
	return &s.others
}

// hostOf drops the port.
func hostOf(address string) string {
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		return address
	}
	return host
}

func jitter(least, most time.Duration) time.Duration {
	return least + mathrand.N(most-least)
}

func newClientID() string {
	b := make([]byte, 8)
	rand.Read(b)
	return hex.EncodeToString(b)
}
