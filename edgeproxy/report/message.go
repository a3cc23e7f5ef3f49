package report

import (
	"fmt"
	"strings"
	"time"
)

// maxVersion is how much of the version is told, in bytes: the control plane refuses
// what is longer, and with it the report.
const maxVersion = 64

// message is a ReportEdgeRequest in JSON, without what is in the path.
type message struct {
	Instance   string    `json:"instance"`
	Epoch      string    `json:"epoch"`
	Position   uint64    `json:"position,string"`
	InForceFor string    `json:"in_force_for,omitempty"`
	Version    string    `json:"version"`
	Staleness  string    `json:"staleness,omitempty"`
	StartTime  time.Time `json:"start_time"`
	Sequence   uint64    `json:"sequence,string"`
	Counts     *counts   `json:"counts,omitempty"`
	Leaving    bool      `json:"leaving"`
}

// counts are EdgeCounts in JSON.
type counts struct {
	Bans         int   `json:"bans,string"`
	Allows       int   `json:"allows,string"`
	Revocations  int   `json:"revocations,string"`
	CacheEntries int64 `json:"cache_entries,string"`
}

// message has a number of its own each time, so that one that is late does not pass for
// a later one.
func (r *Reporter) message(s Standing) message {
	r.sequence++
	m := message{
		Instance: r.cfg.Instance, Version: shortVersion(r.cfg.Version),
		StartTime: r.cfg.Start.UTC(), Sequence: r.sequence,
		Epoch: s.InForce.Epoch, Position: s.InForce.Position,
	}
	if !s.Since.IsZero() {
		m.InForceFor = duration(time.Since(s.Since))
	}
	if s.Staleness >= 0 {
		m.Staleness = duration(s.Staleness)
	}
	if s.Counts != nil {
		c := counts(*s.Counts)
		m.Counts = &c
	}
	return m
}

// duration is in the form of a google.protobuf.Duration in JSON, to the microsecond.
func duration(d time.Duration) string {
	d = max(d, 0)
	return fmt.Sprintf("%d.%06ds", d/time.Second, d%time.Second/time.Microsecond)
}

func shortVersion(version string) string {
	return strings.ToValidUTF8(version[:min(len(version), maxVersion)], "")
}
