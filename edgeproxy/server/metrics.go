package server

import (
	"cmp"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"

	"github.com/ringcast/ringcast/edgeproxy/cache"
	"github.com/ringcast/ringcast/edgeproxy/cache/disk"
	"github.com/ringcast/ringcast/edgeproxy/preload"
	"github.com/ringcast/ringcast/edgeproxy/report"
)

// metrics are what an operator sees of an edge. No label holds an address, a
// token or anything else that a client chooses.
type metrics struct {
	registry *prometheus.Registry
	passed   prometheus.Counter
	refused  *prometheus.CounterVec
	outcomes *prometheus.CounterVec
}

func newMetrics(s *Server) *metrics {
	m := &metrics{
		registry: prometheus.NewRegistry(),
		passed: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "ringcast_edge_requests_passed_total", Help: "Requests that passed the gate.",
		}),
		refused: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "ringcast_edge_requests_refused_total", Help: "Requests refused at the gate, by error.",
		}, []string{"error"}),
		outcomes: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "ringcast_edge_cache_outcomes_total", Help: "What the cache did, by outcome as in Cache-Status.",
		}, []string{"outcome"}),
	}
	m.registry.MustRegister(m.passed, m.refused, m.outcomes,
		collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}),
		gauge("ringcast_edge_position", "Position in force.", func() float64 { return float64(s.Status().Position) }),
		gauge("ringcast_edge_staleness_seconds", "For how long the log has not been known to have had nothing new; since the start if that is not known.", s.sinceVouched),
		gauge("ringcast_edge_stale", "1 while that is longer than --max-staleness, or not known.", func() float64 { return truth(s.isStale()) }),
		gauge("ringcast_edge_connected", "1 while a stream is open.", func() float64 { return truth(s.follower.Status().Server != "") }),
		gauge("ringcast_edge_alarm", "1 while an event cannot be put in force.", func() float64 { return truth(s.follower.Status().Alarm != nil) }),
		gauge("ringcast_edge_bans", "Banned addresses and prefixes.", func() float64 { return float64(s.deny.Counts().Prefixes) }),
		gauge("ringcast_edge_allows", "Addresses and prefixes that pass whatever bans cover them.", func() float64 { return float64(s.deny.Counts().Allows + len(s.Allow)) }),
		gauge("ringcast_edge_revocations", "Revoked tokens and subjects.", func() float64 { return float64(s.deny.Counts().Revocations) }),
		gauge("ringcast_edge_cached_urls", "URLs for which something is stored, about.", func() float64 { return float64(s.cache.Stats().URLs) }),
		gauge("ringcast_edge_fences", "Fences of invalidations.", func() float64 { return float64(s.cache.Stats().Fences) }),
		gauge("ringcast_edge_cache_disk_entries", "Responses on disk.", func() float64 { return float64(s.diskStats().Entries) }),
		gauge("ringcast_edge_cache_disk_bytes", "What they take there, about.", func() float64 { return float64(s.diskStats().Bytes) }),
		gauge("ringcast_edge_cache_disk_queued", "Responses that wait to be written.", func() float64 { return float64(s.diskStats().Queued) }),
		counter("ringcast_edge_cache_disk_dropped_total", "Responses that are in memory alone, since too many waited.", func() float64 { return float64(s.diskStats().Dropped) }),
		counter("ringcast_edge_cache_disk_evicted_total", "Responses that made room for others.", func() float64 { return float64(s.diskStats().Evicted) }),
		counter("ringcast_edge_cache_disk_unsound_total", "Responses that failed their checksum.", func() float64 { return float64(s.diskStats().Unsound) }),
		counter("ringcast_edge_preloads_dropped_total", "Hinted routes for which nothing was tried.", func() float64 { return float64(s.preload.Dropped()) }),
		counter("ringcast_edge_events_applied_total", "Events put in force.", func() float64 { return float64(s.follower.Status().Applied) }),
		counter("ringcast_edge_events_unknown_total", "Events of types that this version does not know.", func() float64 { return float64(s.Status().UnknownEvents) }),
		counter("ringcast_edge_resets_total", "Times that the whole state was sent.", func() float64 { return float64(s.follower.Status().Resets) }),
	)
	for _, result := range preload.Results() {
		m.registry.MustRegister(s.preloads(result))
	}
	for _, outcome := range report.Outcomes() {
		m.registry.MustRegister(s.reports(outcome))
	}
	m.registry.MustRegister(gateCollector{s})
	return m
}

func (s *Server) preloads(r preload.Result) prometheus.Collector {
	return prometheus.NewCounterFunc(prometheus.CounterOpts{
		Name: "ringcast_edge_preloads_total", Help: "Responses that were hinted at, by what came of it.",
		ConstLabels: prometheus.Labels{"result": r.String()},
	}, func() float64 { return float64(s.preload.Count(r)) })
}

// diskStats are zero where nothing is stored.
func (s *Server) diskStats() disk.Stats {
	if s.disk == nil {
		return disk.Stats{}
	}
	return s.disk.Stats()
}

// observe counts what the cache did.
func (m *metrics) observe(o cache.Outcome) {
	outcome := cmp.Or(o.Detail, string(o.Reason))
	if o.Hit {
		outcome = "hit"
	}
	m.outcomes.WithLabelValues(outcome).Inc()
}

// sinceVouched has a value where the staleness is not known, too: dashboards plot it.
func (s *Server) sinceVouched() float64 {
	if d, known := s.staleness(); known {
		return d.Seconds()
	}
	return time.Since(s.started).Seconds()
}

func gauge(name, help string, value func() float64) prometheus.Collector {
	return prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: name, Help: help}, value)
}

func counter(name, help string, value func() float64) prometheus.Collector {
	return prometheus.NewCounterFunc(prometheus.CounterOpts{Name: name, Help: help}, value)
}

func truth(b bool) float64 {
	if b {
		return 1
	}
	return 0
}
