package report

import (
	"bytes"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
)

// bubble runs a test of a reporter that is running.
func bubble(t *testing.T, test func(g *rig), servers ...string) {
	t.Helper()
	t.Parallel()
	if len(servers) == 0 {
		servers = []string{"http://a"}
	}
	synctest.Test(t, func(t *testing.T) {
		g := newRig(t, slog.New(slog.DiscardHandler), servers...)
		defer g.start()()
		test(g)
	})
}

// wait lets d pass, and everything settle.
func wait(d time.Duration) {
	time.Sleep(d)
	synctest.Wait()
}

// Nobody has to ask: an edge reports at its pace, a little off it each time.
func TestPace(t *testing.T) {
	bubble(t, func(g *rig) {
		begun := time.Now()
		wait(5 * time.Minute)
		reports := g.seen()
		lengths := map[time.Duration]bool{}
		for i, p := range reports {
			from := begun
			if i > 0 {
				from = reports[i-1].end
			}
			d := p.begin.Sub(from)
			if lengths[d] = true; d < 4*time.Second || d > 6*time.Second {
				t.Errorf("report %d came after %s", i, d)
			}
			if p.Sequence != uint64(i+1) {
				t.Errorf("report %d has number %d", i, p.Sequence)
			}
		}
		if len(reports) < 50 || len(lengths) < len(reports)/2 {
			t.Errorf("%d reports, %d different times between them", len(reports), len(lengths))
		}
	})
}

// The control plane names the pace, which grows with the fleet.
func TestNamedPace(t *testing.T) {
	bubble(t, func(g *rig) {
		g.answers(func(string) (time.Duration, time.Duration, error) { return 0, 100 * time.Second, nil })
		g.Levelled(at(0))
		wait(79 * time.Second)
		if g.count() != 1 {
			t.Errorf("%d reports", g.count())
		}
		wait(42 * time.Second)
		if g.count() != 2 {
			t.Errorf("%d reports", g.count())
		}
	})
}

// Each time that a stream gets level, there is a report at once, though nothing is new.
func TestLevel(t *testing.T) {
	bubble(t, func(g *rig) {
		g.moves("e1", 7)
		wait(time.Second)
		for i := range 2 {
			g.Levelled(at(7))
			wait(20 * time.Millisecond)
			if p := g.last(); g.count() != i+1 || p.Epoch != "e1" || p.Position != 7 {
				t.Errorf("after %d times: %d reports, the last %+v", i+1, g.count(), p)
			}
		}
	})
}

// A stream that gets level during a report is reported after it, though the position is
// the same: it may be another control plane's.
func TestLevelDuringReport(t *testing.T) {
	bubble(t, func(g *rig) {
		g.moves("e1", 7)
		g.answers(func(string) (time.Duration, time.Duration, error) { return time.Second, usualPace, nil })
		g.Levelled(at(7))
		wait(time.Millisecond)
		g.Levelled(at(7))
		wait(2*time.Second + 50*time.Millisecond)
		if g.count() != 2 {
			t.Errorf("%d reports", g.count())
		}
	})
}

// A question is answered at once where the position is in force, and else as soon as it
// is.
func TestAsked(t *testing.T) {
	bubble(t, func(g *rig) {
		g.moves("e1", 7)
		g.Asked(at(7))
		wait(time.Millisecond)
		if g.count() != 1 {
			t.Fatalf("%d reports", g.count())
		}
		wait(20 * time.Millisecond)
		g.Asked(at(9))
		g.moves("e1", 8)
		wait(time.Second)
		if g.count() != 1 {
			t.Errorf("reported %+v, though 9 is not in force", g.last())
		}
		g.moves("e1", 9)
		wait(time.Millisecond)
		if p := g.last(); g.count() != 2 || p.Position != 9 || p.InForceFor != "0.000000s" {
			t.Errorf("%d reports, the last %+v", g.count(), p)
		}
		g.moves("e1", 10)
		wait(time.Second)
		if g.count() != 2 {
			t.Errorf("reported %+v, though nobody asked for it", g.last())
		}
	})
}

// A position of another log is not taken for that of this one.
func TestAskedOfAnotherLog(t *testing.T) {
	bubble(t, func(g *rig) {
		g.moves("e1", 50)
		g.Asked(at(60))
		g.Asked(wireAt("e2", 40))
		wait(time.Second)
		if g.count() != 0 {
			t.Errorf("reported %+v", g.last())
		}
		g.moves("e2", 40)
		wait(time.Millisecond)
		if p := g.last(); p.Epoch != "e2" || p.Position != 40 {
			t.Errorf("reported %+v", p)
		}
		g.moves("e2", 60)
		wait(time.Second)
		if g.count() != 1 {
			t.Errorf("reported %+v for a position of another log", g.last())
		}
	})
}

// However many questions come while a report is under way, the next one answers them
// all.
func TestManyQuestions(t *testing.T) {
	bubble(t, func(g *rig) {
		g.answers(func(string) (time.Duration, time.Duration, error) { return time.Second, usualPace, nil })
		g.moves("e1", 1)
		g.Asked(at(1))
		wait(time.Millisecond)
		for position := range uint64(100) {
			g.moves("e1", position+2)
			g.Asked(at(position + 2))
			wait(time.Millisecond)
		}
		wait(3 * time.Second)
		if p := g.last(); g.count() != 2 || p.Position != 101 {
			t.Errorf("%d reports, the last %+v", g.count(), p)
		}
	})
}

// A question that cannot be answered yet does not hold up an earlier one that can.
func TestEarlierQuestionFirst(t *testing.T) {
	bubble(t, func(g *rig) {
		g.answers(func(string) (time.Duration, time.Duration, error) { return time.Second, usualPace, nil })
		g.moves("e1", 1)
		g.Asked(at(1))
		wait(time.Millisecond)
		g.moves("e1", 2)
		g.Asked(at(2))
		g.Asked(at(3))
		wait(1100 * time.Millisecond)
		g.answers(func(string) (time.Duration, time.Duration, error) { return 0, usualPace, nil })
		wait(time.Second)
		if p := g.last(); g.count() != 2 || p.Position != 2 {
			t.Fatalf("%d reports, the last %+v", g.count(), p)
		}
		g.moves("e1", 3)
		wait(20 * time.Millisecond)
		if p := g.last(); g.count() != 3 || p.Position != 3 {
			t.Errorf("%d reports, the last %+v", g.count(), p)
		}
	})
}

// A report that nobody took is made again ever later, with a number of its own, until
// one is taken; questions do not hurry it, and are answered by it.
func TestBackOff(t *testing.T) {
	bubble(t, func(g *rig) {
		g.fails(errDown)
		g.moves("e1", 7)
		g.Asked(at(7))
		for range 60 {
			wait(5 * time.Second)
			g.Asked(at(7))
		}
		reports := g.seen()
		for i := 1; i < len(reports); i++ {
			d, most := reports[i].begin.Sub(reports[i-1].end), min(time.Second<<(i-1), maxBackoff)
			if d < most/2 || d > most*3/2+breather {
				t.Errorf("try %d came after %s", i, d)
			}
			if reports[i].Sequence != uint64(i+1) {
				t.Errorf("try %d has number %d", i, reports[i].Sequence)
			}
		}
		g.fails(nil)
		wait(46 * time.Second)
		if stats := g.Stats(); stats.Tries[Accepted] == 0 || stats.Tries[Failed] != uint64(len(reports)) || stats.Server != "http://a" {
			t.Errorf("%d failed; %+v", len(reports), stats)
		}
		before := g.count()
		g.fails(errDown)
		g.Asked(at(7))
		wait(2 * time.Second)
		if d := g.seen()[before+1].begin.Sub(g.seen()[before].end); d > 1500*time.Millisecond+breather {
			t.Errorf("after a success the first wait is %s", d)
		}
	})
}

// A stream that gets level shows that the control plane is back.
func TestLevelEndsBackOff(t *testing.T) {
	bubble(t, func(g *rig) {
		g.fails(errDown)
		wait(5 * time.Minute)
		g.fails(nil)
		before := g.count()
		g.Levelled(at(0))
		wait(time.Millisecond)
		if g.count() != before+1 {
			t.Errorf("%d reports", g.count()-before)
		}
	})
}

// A round begins with the control plane of the stream, and goes on to the next at once.
func TestInTurn(t *testing.T) {
	bubble(t, func(g *rig) {
		down := map[string]bool{}
		g.answers(func(server string) (took, pace time.Duration, err error) {
			if down[server] {
				err = errDown
			}
			return 0, 100 * time.Second, err
		})
		tried := func(stream string, broken ...string) (servers string) {
			clear(down)
			for _, server := range broken {
				down[server] = true
			}
			before := g.count()
			g.edge.set(func(s *Standing) { s.Server = stream })
			g.Levelled(at(0))
			wait(200 * time.Millisecond)
			for _, p := range g.seen()[before:] {
				servers += p.server
			}
			return servers
		}
		got := []string{
			tried(""), tried("http://b"), tried(""), tried("http://c", "c"), tried("http://user:xxxxx@a/p", "a", "b"), tried("http://b", "a", "b", "c"),
		}
		if diff := cmp.Diff([]string{"a", "b", "b", "ca", "abc", "bca"}, got); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
		wait(2 * time.Second)
		if all := g.seen(); all[len(all)-1].server != "a" {
			t.Errorf("the second round went to %s last", all[len(all)-1].server)
		}
	}, "http://user:secret@a/p", "http://b", "http://c")
}

// A control plane that says nothing is given up after 10 seconds.
func TestSilentControlPlane(t *testing.T) {
	bubble(t, func(g *rig) {
		g.answers(func(server string) (took, pace time.Duration, err error) {
			if server == "a" {
				took = time.Hour
			}
			return took, usualPace, nil
		})
		g.Levelled(at(0))
		wait(postTimeout + 50*time.Millisecond)
		if p := g.last(); p.server != "b" || p.err != nil {
			t.Errorf("%+v", p)
		}
	}, "http://a", "http://b")
}

// An older control plane is asked at the slowest pace, whatever comes over its stream.
func TestOlderControlPlane(t *testing.T) {
	bubble(t, func(g *rig) {
		g.fails(fmt.Errorf("%w: it answers 501", errUnsupported))
		g.Levelled(at(0))
		wait(time.Millisecond)
		for range 5 * 60 {
			g.Asked(at(0))
			wait(time.Second)
		}
		if n := g.count(); n < 300/36 || n > 300/24+1 {
			t.Errorf("%d reports in five minutes", n)
		}
	})
}

// Trouble is told once, and its end.
func TestComplaints(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var out bytes.Buffer
		g := newRig(t, slog.New(slog.NewTextHandler(&out, nil)), "http://user:secret@a", "http://b")
		stop := g.start()
		for _, err := range []error{nil, errDown, nil, errors.Join(errUnsupported), errDown, nil} {
			g.fails(err)
			wait(3 * time.Minute)
		}
		stop()
		var got []string
		for line := range strings.Lines(out.String()) {
			_, rest, _ := strings.Cut(line, "level=")
			level, rest, _ := strings.Cut(rest, " msg=\"")
			got = append(got, level+" "+strings.Join(strings.Fields(rest)[:5], " "))
		}
		want := []string{
			"WARN reports fail and are tried", "INFO the control plane takes reports",
			"WARN the control plane is of", "WARN reports fail and are tried", "INFO the control plane takes reports",
		}
		if diff := cmp.Diff(want, got); diff != "" || strings.Contains(out.String(), "secret") {
			t.Errorf("(-want +got):\n%s\n%s", diff, out.String())
		}
	})
}
