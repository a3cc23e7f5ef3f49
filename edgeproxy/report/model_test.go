package report

import (
	"fmt"
	"log/slog"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"

	"github.com/ringcast/ringcast/internal/wire"
)

// step is something that happens to an edge, and the time until the next.
type step struct {
	kind  string
	n     int
	pause time.Duration
}

func steps() *rapid.Generator[[]step] {
	return rapid.SliceOfN(rapid.Custom(func(t *rapid.T) step {
		return step{
			kind:  rapid.SampledFrom([]string{"unit", "unit", "ask", "ask", "level", "fail", "slow", "mend", "log"}).Draw(t, "kind"),
			n:     rapid.IntRange(0, 6).Draw(t, "n"),
			pause: rapid.SampledFrom([]time.Duration{0, 0, time.Millisecond, 7 * time.Millisecond, 300 * time.Millisecond, 7 * time.Second}).Draw(t, "pause"),
		}
	}), 1, 60)
}

// debt is a call for a report.
type debt struct {
	at    wire.Cursor
	level bool
	made  time.Time
}

// model writes down what happened, naively: every call, and every report.
type model struct {
	*rig
	at    wire.Cursor
	debts []debt
	logs  int
}

// TestModel wants every position that was asked for to be reported in the end, nothing
// that is not in force, and no report without a reason, in whatever order things happen.
func TestModel(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		var complaint error
		plan, servers := steps().Draw(rt, "steps"), []string{"http://a", "http://b"}[:rapid.IntRange(1, 2).Draw(rt, "servers")]
		synctest.Test(t, func(t *testing.T) {
			m := &model{rig: newRig(t, slog.New(slog.DiscardHandler), servers...)}
			begun := time.Now()
			stop := m.start()
			for _, s := range plan {
				m.take(s)
				wait(s.pause)
			}
			m.settle()
			stop()
			complaint = m.check(begun)
		})
		if complaint != nil {
			rt.Fatal(complaint)
		}
	})
}

func (m *model) take(s step) {
	switch s.kind {
	case "unit":
		m.move(m.at.Position + uint64(s.n) + 1)
	case "ask":
		m.ask(wire.Cursor{Epoch: m.epoch(), Position: m.at.Position + uint64(max(s.n-2, 0))})
	case "level":
		m.move(m.at.Position)
		m.debts = append(m.debts, debt{at: m.at, level: true, made: time.Now()})
		m.Levelled(m.at)
	case "log":
		m.logs++
		m.at.Position = uint64(s.n)
	case "fail":
		m.fails([]error{errDown, errUnsupported}[s.n%2])
	case "slow":
		m.answers(func(string) (time.Duration, time.Duration, error) {
			return time.Duration(s.n) * time.Second, usualPace, nil
		})
	case "mend":
		m.fails(nil)
	}
}

func (m *model) epoch() string { return fmt.Sprint("e", m.logs) }

func (m *model) move(position uint64) {
	m.at = wire.Cursor{Epoch: m.epoch(), Position: position}
	m.moves(m.at.Epoch, position)
}

func (m *model) ask(at wire.Cursor) {
	m.debts = append(m.debts, debt{at: at, made: time.Now()})
	m.Asked(at)
}

// settle mends everything, and puts in force what was asked for.
func (m *model) settle() {
	m.fails(nil)
	wait(2 * time.Minute)
	highest := m.at.Position
	for _, d := range m.debts {
		if d.at.Epoch == m.epoch() {
			highest = max(highest, d.at.Position)
		}
	}
	m.move(highest)
	wait(20 * time.Millisecond)
}

func (m *model) check(begun time.Time) error {
	reports := m.seen()
	for _, d := range m.debts {
		if d.at.Epoch == m.epoch() && !slices.ContainsFunc(reports, func(p posted) bool { return p.answers(d) }) {
			return fmt.Errorf("%+v was not reported: %+v", d, reports)
		}
	}
	prev := posted{begin: begun, end: begun}
	for i, p := range reports {
		if p.Sequence != uint64(i+1) {
			return fmt.Errorf("report %d has number %d", i, p.Sequence)
		}
		if !m.reasonable(p, prev, reports[:i]) {
			return fmt.Errorf("report %d has no reason: %+v after %+v; calls %+v", i, p, prev, m.debts)
		}
		prev = p
	}
	return nil
}

// answers tells whether a report answers a call.
func (p posted) answers(d debt) bool {
	covers := p.Epoch == d.at.Epoch && p.Position >= d.at.Position
	if d.level {
		return !p.begin.Before(d.made)
	}
	return covers && p.err == nil && !p.end.Before(d.made)
}

// reasonable tells whether there was a call for a report, or the time for it.
func (m *model) reasonable(p, prev posted, earlier []posted) bool {
	waited := p.begin.Sub(prev.end)
	switch {
	case m.levelledBetween(prev, p):
		return true
	case prev.err != nil && len(m.cfg.Servers) > 1:
		return waited >= breather
	case prev.err != nil:
		return waited >= minBackoff/2
	}
	return waited >= 4*time.Second || waited >= 0 && m.owed(p, prev, earlier)
}

func (m *model) levelledBetween(prev, p posted) bool {
	return slices.ContainsFunc(m.debts, func(d debt) bool {
		return d.level && !d.made.Before(prev.begin) && !d.made.After(p.begin)
	})
}

// owed tells whether a report pays a debt. Where the last one has paid a part of them,
// one that comes nearer to the others is no mistake; nor is one for a call in the very
// moment in which the last one ended.
func (m *model) owed(p, prev posted, earlier []posted) bool {
	return slices.ContainsFunc(m.debts, func(d debt) bool {
		if d.made.After(p.begin) || d.at.Epoch != p.Epoch || slices.ContainsFunc(earlier, func(e posted) bool { return e.answers(d) && e.end.After(d.made) }) {
			return false
		}
		return p.Position >= d.at.Position || p.Position > prev.Position && m.paid(prev)
	})
}

func (m *model) paid(p posted) bool {
	return slices.ContainsFunc(m.debts, p.answers)
}
