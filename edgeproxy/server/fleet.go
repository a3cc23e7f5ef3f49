package server

import (
	"context"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/ringcast/ringcast/edgeproxy/report"
)

// member is the edge as the control plane hears of it.
type member struct{ s *Server }

// Standing implements report.Edge.
func (m member) Standing() report.Standing {
	cursor, since, _ := m.s.state.InForceSince()
	standing := report.Standing{
		Server: m.s.follower.Status().Server, InForce: cursor, Since: since, Staleness: -1, Counts: m.counts(),
	}
	if staleness, known := m.s.staleness(); known {
		standing.Staleness = staleness
	}
	return standing
}

// counts are those of the status, and not known until the index is built.
func (m member) counts() *report.Counts {
	counts := m.s.deny.Counts()
	if !counts.Indexed {
		return nil
	}
	return &report.Counts{
		Bans: counts.Prefixes, Allows: counts.Allows + len(m.s.Allow), Revocations: counts.Revocations,
		CacheEntries: m.s.diskStats().Entries,
	}
}

func (s *Server) newReporter() *report.Reporter {
	return report.New(report.Config{
		Servers: s.control, Node: s.NodeID, Instance: s.state.Instance(), Version: s.deps.Version,
		Start: s.started, Logger: s.deps.Logger,
	}, member{s})
}

// leave tells the fleet that the edge has stopped, where it was asked to: nobody is to
// wait for it. One that ends by an error is missed.
func (s *Server) leave(ctx context.Context) {
	if ctx.Err() != nil {
		s.reporter.Leave(context.WithoutCancel(ctx))
	}
}

// lastReport gives the control plane that accepted the last report, and for how many
// seconds it has had it; nil if none did.
func (s *Server) lastReport() (server string, seconds *float64) {
	last := s.reporter.Stats()
	if last.At.IsZero() {
		return "", nil
	}
	ago := time.Since(last.At).Round(time.Millisecond).Seconds()
	return last.Server, &ago
}

func (s *Server) reports(o report.Outcome) prometheus.Collector {
	return prometheus.NewCounterFunc(prometheus.CounterOpts{
		Name: "ringcast_edge_reports_total", Help: "Reports to the control plane of what is in force, by what came of it.",
		ConstLabels: prometheus.Labels{"outcome": o.String()},
	}, func() float64 { return float64(s.reporter.Stats().Tries[o]) })
}
