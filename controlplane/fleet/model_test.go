package fleet

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/ringcast/ringcast/controlplane"
	"github.com/ringcast/ringcast/internal/wire"
)

// model is the fleet restated plainly: a wait looks at everything anew each time.
type model struct {
	position map[controlplane.EdgeKey]uint64 // of those known; what they last reported
	waits    []*modelWait
}

type modelWait struct {
	at     uint64
	quorum string
	counts []controlplane.EdgeKey // settled at the beginning, less those gone
	real   *waiting
	ended  bool
}

func (m *model) due(w *modelWait) bool {
	confirmed := 0
	for _, key := range w.counts {
		if m.position[key] >= w.at {
			confirmed++
		}
	}
	return confirmed >= parseFor(w.quorum, len(w.counts))
}

func parseFor(quorum string, edges int) int {
	switch quorum {
	case "1":
		return 1
	case "50%":
		return (edges + 1) / 2
	default:
		return edges
	}
}

// TestWaitsAgainstModel draws connects, reports, departures and waits, and wants every
// wait to end exactly when the model says so.
func TestWaitsAgainstModel(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	rapid.Check(t, func(t *rapid.T) {
		r.restart()
		for _, name := range r.names() {
			if err := r.Leave(r.t.Context(), edge(name), Report{}); err != nil {
				t.Fatal(err)
			}
		}
		m := &model{position: map[controlplane.EdgeKey]uint64{}}
		base := r.ban()
		head := base
		keys := []controlplane.EdgeKey{edge("a"), edge("b"), edge("c"), edge("d")}
		key := rapid.SampledFrom(keys)
		t.Repeat(map[string]func(*rapid.T){
			"connect": func(t *rapid.T) {
				k := key.Draw(t, "edge")
				if _, known := m.position[k]; !known {
					m.position[k] = 0
				}
				r.connect(k).Close()
			},
			"ban": func(*rapid.T) { head = r.ban() },
			"report": func(t *rapid.T) {
				k, position := key.Draw(t, "edge"), rapid.Uint64Range(base-1, head).Draw(t, "position")
				m.position[k] = position
				r.report(k, position)
			},
			"leave": func(t *rapid.T) {
				k := key.Draw(t, "edge")
				delete(m.position, k)
				if err := r.Leave(r.t.Context(), k, Report{}); err != nil {
					t.Fatal(err)
				}
				for _, w := range m.waits {
					w.counts = slices.DeleteFunc(w.counts, func(other controlplane.EdgeKey) bool { return other == k })
				}
			},
			"wait": func(t *rapid.T) {
				w := &modelWait{at: rapid.Uint64Range(base, head).Draw(t, "at"), quorum: rapid.SampledFrom([]string{"all", "1", "50%"}).Draw(t, "quorum")}
				for k := range m.position {
					w.counts = append(w.counts, k)
				}
				w.real = r.waitFor(WaitRequest{At: wire.Cursor{Position: w.at}, Quorum: parse(r.t, w.quorum), Timeout: time.Hour})
				m.waits = append(m.waits, w)
			},
			"": func(t *rapid.T) { m.check(t, r) },
		})
		for _, w := range m.waits {
			for _, k := range w.counts {
				r.report(k, head)
			}
		}
		m.finish(t, r)
	})
}

// check wants waits that are due to end, and others to go on.
func (m *model) check(t *rapid.T, r *rig) {
	for _, w := range m.waits {
		switch due := len(w.counts) == 0 || m.due(w); {
		case w.ended:
		case due:
			w.ended = true
			got := w.real.end(r.t)
			if got.Reached != (len(w.counts) > 0) {
				t.Fatalf("wait for %d by %s: %+v", w.at, w.quorum, got)
			}
		case !w.real.waits():
			t.Fatalf("wait for %d by %s of %v ended: %+v", w.at, w.quorum, w.counts, w.real.outcome)
		}
	}
}

// finish ends the waits that still have somebody to wait for.
func (m *model) finish(t *rapid.T, r *rig) {
	for _, w := range m.waits {
		if got := w.real.end(r.t); got.Confirmed < parseFor(w.quorum, len(w.counts)) && len(w.counts) > 0 {
			t.Fatal(fmt.Sprintf("%+v", got))
		}
	}
}
