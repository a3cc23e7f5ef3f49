package server

import (
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/ringcast/ringcast/controlplane/api"
	"github.com/ringcast/ringcast/internal/listen"
	"github.com/ringcast/ringcast/internal/wire"
)

// Limits of the HTTP listener.
const (
	// readHeaderTimeout and readTimeout keep clients that send a byte at a time
	// from holding connections. A stream lifts the latter for itself.
	readHeaderTimeout = 10 * time.Second
	readTimeout       = 30 * time.Second
	// idleTimeout ends connections that are kept for nothing.
	idleTimeout = 2 * time.Minute
	// maxHeaderBytes bounds what is read before anybody has said who they are.
	maxHeaderBytes = 32 << 10
)

func newHTTPServer(handler http.Handler, log *slog.Logger) *http.Server {
	return &http.Server{
		Handler: handler, ReadHeaderTimeout: readHeaderTimeout, ReadTimeout: readTimeout,
		IdleTimeout: idleTimeout, MaxHeaderBytes: maxHeaderBytes,
		// "OPTIONS *" passes the guard as anything else does.
		DisableGeneralOptionsHandler: true,
		ErrorLog:                     slog.NewLogLogger(log.Handler(), slog.LevelDebug),
	}
}

func (s *Server) handler() http.Handler {
	mux := http.NewServeMux()
	mux.Handle(wire.EventsPath, withCORS(s.cfg.CORSOrigin, s.stream))
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) { answer(w, nil) })
	mux.HandleFunc("GET /readyz", func(w http.ResponseWriter, r *http.Request) { answer(w, s.ready(r)) })
	mux.Handle("GET /metrics", promhttp.HandlerFor(s.metrics, promhttp.HandlerOpts{}))
	mux.Handle("/", s.api.Handler())
	return api.Guard{Hosts: listen.HostsOf(s.cfg.HTTPListen)}.Wrap(mux)
}

// ready tells why the server should get no calls, if so.
func (s *Server) ready(r *http.Request) error {
	if s.flag.Load() {
		return fmt.Errorf("draining")
	}
	if _, err := s.log.Head(r.Context()); err != nil {
		s.deps.Logger.Error("the log cannot be read", "error", err)
		return fmt.Errorf("the log cannot be read")
	}
	return s.appends.writable(r.Context())
}

func answer(w http.ResponseWriter, err error) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.Header().Set("Cache-Control", "no-store")
	text := "ok"
	if err != nil {
		w.WriteHeader(http.StatusServiceUnavailable)
		text = err.Error()
	}
	_, _ = io.WriteString(w, text+"\n") // the client may have gone
}

func newRegistry(s *Server) *prometheus.Registry {
	registry := prometheus.NewRegistry()
	registry.MustRegister(
		collectors.NewGoCollector(),
		collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}),
		prometheus.NewGaugeFunc(prometheus.GaugeOpts{
			Name: "ringcast_log_head", Help: "Position of the last unit of the log.",
		}, func() float64 { return float64(s.ring.Head()) }),
	)
	return registry
}
