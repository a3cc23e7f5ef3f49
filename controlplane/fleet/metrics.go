package fleet

import (
	"slices"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// maxLagging bounds the edges whose lag is told one by one, and so the series.
const maxLagging = 100

// metrics are what an operator sees of the fleet.
type metrics struct {
	propagation prometheus.Histogram
	waits       *prometheus.CounterVec
	waitTime    prometheus.Histogram
	reports     prometheus.Counter
}

func newMetrics(f *Fleet) *metrics {
	m := &metrics{
		propagation: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name:    "ringcast_fleet_propagation_seconds",
			Help:    "Time from a unit's being durable to its being in force at an edge, by the edge's report.",
			Buckets: prometheus.ExponentialBuckets(0.001, 2, 17), // up to a minute
		}),
		waits: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "ringcast_fleet_waits_total", Help: "Waits for confirmation that ended, by outcome.",
		}, []string{"outcome"}),
		waitTime: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name:    "ringcast_fleet_wait_seconds",
			Help:    "Time that confirmation took, where the quorum was reached.",
			Buckets: prometheus.ExponentialBuckets(0.001, 2, 17),
		}),
		reports: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "ringcast_fleet_reports_total", Help: "Reports of edges.",
		}),
	}
	if r := f.cfg.Registerer; r != nil {
		r.MustRegister(m.propagation, m.waits, m.waitTime, m.reports, collector{f})
	}
	return m
}

func (m *metrics) waited(o *Outcome) {
	switch {
	case len(o.Edges) == 0:
		m.waits.WithLabelValues("no_edges").Inc()
	case !o.Reached:
		m.waits.WithLabelValues("timed_out").Inc()
	default:
		m.waits.WithLabelValues("confirmed").Inc()
		m.waitTime.Observe(o.Elapsed.Seconds())
	}
}

// observe learns from a report how long the last unit took to the edge. The caller holds
// mu. The time in which the report was under way counts as well.
func (f *Fleet) observe(m *member, r Report, now time.Time) {
	f.metrics.reports.Inc()
	if r.Age < 0 || r.At.Epoch != f.epoch || m.has(r.At) {
		return
	}
	if durable, ok := f.recent.of(r.At.Position); ok {
		f.metrics.propagation.Observe(max(0, now.Sub(durable)-r.Age).Seconds())
	}
}

// The fleet's states at the time of a scrape.
var (
	edgesDesc   = prometheus.NewDesc("ringcast_fleet_edges", "Known edges, by state.", []string{"state"}, nil)
	behindDesc  = prometheus.NewDesc("ringcast_fleet_edge_behind_seconds", "For how long the log has had something that an edge does not have in force: the 100 edges furthest behind.", []string{"node_id", "instance"}, nil)
	waitingDesc = prometheus.NewDesc("ringcast_fleet_waiting", "Waits for confirmation under way.", nil, nil)
)

// collector reads the fleet when it is scraped.
type collector struct{ fleet *Fleet }

// Describe implements prometheus.Collector.
func (c collector) Describe(descs chan<- *prometheus.Desc) {
	descs <- edgesDesc
	descs <- behindDesc
	descs <- waitingDesc
}

// Collect implements prometheus.Collector.
func (c collector) Collect(into chan<- prometheus.Metric) {
	states, lagging, waiting := c.fleet.states()
	for state, n := range states {
		into <- prometheus.MustNewConstMetric(edgesDesc, prometheus.GaugeValue, float64(n), state)
	}
	for _, e := range lagging {
		into <- prometheus.MustNewConstMetric(behindDesc, prometheus.GaugeValue, e.Behind.Seconds(), e.Node, e.Instance)
	}
	into <- prometheus.MustNewConstMetric(waitingDesc, prometheus.GaugeValue, float64(waiting))
}

// states counts edges by state, and gives those furthest behind. Where that is longer
// than the recent units tell, it is what these tell.
func (f *Fleet) states() (states map[string]int, lagging []Edge, waiting int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	now := f.cfg.Now()
	states = map[string]int{"level": 0, "behind": 0, "unreachable": 0, "forgotten": f.countForgotten(now)}
	for _, m := range f.members {
		e := f.edge(m)
		switch {
		case !e.Live():
			states["unreachable"]++
		case e.Level:
			states["level"]++
		default:
			states["behind"]++
		}
		if e.Level || !m.reported || e.At.Epoch != f.epoch {
			continue
		}
		if e.Behind == 0 {
			e.Behind = f.recent.least(now)
		}
		lagging = append(lagging, e)
	}
	slices.SortFunc(lagging, func(a, b Edge) int { return int(b.Behind - a.Behind) })
	return states, lagging[:min(len(lagging), maxLagging)], len(f.waits)
}
