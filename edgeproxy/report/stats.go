package report

import (
	"net/url"
	"time"
)

// Outcome is what became of a try to report.
type Outcome int

// The outcomes.
const (
	// Accepted by the control plane.
	Accepted Outcome = iota
	// Failed: not answered, or answered with an error.
	Failed
	// Unsupported: the control plane does not know of reports.
	Unsupported
	outcomes
)

// Outcomes are all of them.
func Outcomes() []Outcome { return []Outcome{Accepted, Failed, Unsupported} }

// String is the outcome's name in metrics.
func (o Outcome) String() string { return [outcomes]string{"accepted", "failed", "unsupported"}[o] }

// Stats are figures since the start.
type Stats struct {
	// Tries counts reports by outcome.
	Tries [outcomes]uint64
	// Server is the control plane that accepted the last report, as url.URL.Redacted
	// has it, and At is when; empty and zero: none did.
	Server string
	At     time.Time
}

// Stats returns a snapshot.
func (r *Reporter) Stats() Stats {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.stats
}

func (r *Reporter) count(o Outcome) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.stats.Tries[o]++
}

func (r *Reporter) heard(server *url.URL) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.stats.Server, r.stats.At = server.Redacted(), time.Now()
}
