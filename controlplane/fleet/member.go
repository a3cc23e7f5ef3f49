package fleet

import (
	"time"

	"github.com/ringcast/ringcast/controlplane"
	"github.com/ringcast/ringcast/internal/wire"
)

// Report is an edge's word on what it has in force.
type Report struct {
	// At is up to where it has everything in force; the zero value: nothing yet.
	At wire.Cursor
	// Age is for how long At had been in force when the report was made; negative: not
	// known.
	Age time.Duration
	// Version is the program's.
	Version string
	// Staleness is for how long the log had not vouched for what is in force; negative:
	// not known.
	Staleness time.Duration
	// Start is when the edge's process started, by its own clock, and Sequence counts the
	// reports of that process from 1; 0: it does not count.
	Start    time.Time
	Sequence uint64
	// Counts says how much the edge has.
	Counts Counts
	// Address is where the report came from, without the port.
	Address string
}

// Counts says how much an edge has of everything.
type Counts struct {
	Bans, Allows, Revocations, CacheEntries uint64
}

// member is an edge of the fleet. All of it but the key is guarded by the fleet's mu.
type member struct {
	key controlplane.EdgeKey
	// joinedAt is the log's head when the roster took it up.
	joinedAt uint64
	// joined says that the roster has it.
	joined bool
	// left says that it was given up since, and nothing but its streams is heard of it.
	left bool
	// streams are those open, connected the beginning of the first of them.
	streams   int
	connected time.Time
	// lost is when the last stream ended; zero: none has since the start.
	lost time.Time
	// heard is when it last reported or began a stream.
	heard time.Time
	// began is when the process that reports was heard of first, and replaced the start of
	// the one before it.
	began, replaced time.Time
	// shared says that two processes report as this edge, and rival when that was seen last.
	shared bool
	rival  time.Time
	// pace is the time between reports that it was told last; 0: none.
	pace     time.Duration
	report   Report
	reported bool
}

// lateReport is the longest that a report may be under way.
const lateReport = time.Minute

// newer tells whether a report was made after the last one. The processes of an edge are
// told apart by their start. One that claims an earlier start than its predecessor had is
// believed once no report of that can be under way any more: its clock was set back.
func (m *member) newer(r Report, now time.Time) bool {
	last := m.report
	switch {
	case !m.reported || r.Sequence == 0 || last.Sequence == 0:
		return true
	case r.Start.Equal(last.Start):
		return r.Sequence > last.Sequence
	default:
		return r.Start.After(last.Start) || now.Sub(m.heard) > lateReport
	}
}

// compare finds out whether a report is of a process that had been replaced and runs all
// the same: the data dir was copied. Neither then speaks for the other.
func (m *member) compare(r Report, now time.Time) {
	switch {
	case r.Sequence > 0 && !m.replaced.IsZero() && r.Start.Equal(m.replaced) && now.Sub(m.began) > lateReport:
		m.shared, m.rival = true, now
	case m.shared && now.Sub(m.rival) > silence(m.pace):
		m.shared = false
	}
}

// take makes a report the last.
func (m *member) take(r Report, now time.Time) {
	if m.reported && !r.Start.Equal(m.report.Start) {
		m.began, m.replaced = now, m.report.Start
	}
	m.report, m.reported, m.heard, m.left = r, true, now, false
}

// presents takes note of the cursor that the edge goes on from. What it had reported beyond
// that is lost to it, as with an older copy of its data dir.
func (m *member) presents(at wire.Cursor) {
	if m.report.At.Epoch != at.Epoch {
		m.report.At = wire.Cursor{}
	}
	m.report.At.Position = min(m.report.At.Position, at.Position)
}

// has tells whether, by its last report, the edge has everything up to a cursor in force.
func (m *member) has(at wire.Cursor) bool {
	return m.reported && !m.shared && m.report.At.Epoch == at.Epoch && m.report.At.Position >= at.Position
}

// unreachable tells since when the edge, one of a fleet that reports at an interval, cannot
// be reached; ok is false where it can.
func (m *member) unreachable(now time.Time, interval time.Duration) (since time.Time, ok bool) {
	switch {
	case m.streams > 0 && now.Sub(m.heard) <= silence(max(interval, m.pace)):
		return time.Time{}, false
	case m.streams == 0 && m.lost.After(m.heard):
		return m.lost, true
	default:
		return m.heard, true
	}
}

// passing tells that nothing but its streams speaks of the edge: it is no longer known
// once they have ended.
func (m *member) passing() bool { return !m.joined && (m.left || !m.reported) }
