package e2e

import (
	"errors"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"
)

// heldBack is a fetch that the origin holds back, and all around it.
type heldBack struct {
	t      *testing.T
	c      *control
	d      *door
	e      *edge
	begun  chan struct{}
	finish chan struct{}
}

// TestFetchThatIsOvertaken: a response that the origin began before the cache's
// past was called off is nobody's who asks after that. Only the fences tell such a
// response from another: a cache without them gives it to the late ones, too.
//
// A fetch does not outlive the edge's process, and nor does today's cache. So the
// restart comes before the race, which the fences and the generation that the edge
// reads from its files then decide.
func TestFetchThatIsOvertaken(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		before   func(*heldBack)
		overtake func(*heldBack)
		// joins: the late one waits for the early one's answer, since no tag is known
		// before it; else it has the origin asked at once.
		joins bool
	}{
		"by an invalidation":                           {nothing, (*heldBack).invalidate, true},
		"by one after the edge's restart":              {(*heldBack).restart, (*heldBack).invalidate, true},
		"by one that the edge missed":                  {nothing, (*heldBack).invalidateUnheard, true},
		"by a client's write":                          {nothing, (*heldBack).write, false},
		"by a client's write after the edge's restart": {(*heldBack).restart, (*heldBack).write, false},
		"by another log":                               {nothing, (*heldBack).wipe, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := holdBack(t)
			tt.before(h)
			early := h.ask()
			h.asked()
			tt.overtake(h)
			late := h.ask()
			if !tt.joins {
				h.asked()
			}
			close(h.finish)
			if first := <-early; first.body != "slow answer 1" {
				t.Errorf("who asked before gets %s", first)
			}
			second := <-late
			if second.code != http.StatusOK || second.body != "slow answer 2" {
				t.Errorf("who asked after gets %s", second)
			}
			if a := h.e.get("/slow"); !isHit(a) || a.body != second.body {
				t.Errorf("the answer to who asked after is not kept: %s", a)
			}
		})
	}
}

func nothing(*heldBack) {}

func holdBack(t *testing.T) *heldBack {
	t.Helper()
	h := &heldBack{t: t, begun: make(chan struct{}, 8), finish: make(chan struct{})}
	origin := startSlowOrigin(t, h.begun, h.finish)
	h.c = startControl(t)
	h.d = openDoor(t, h.c.httpAddress())
	h.e = startEdge(t, origin.URL, h.d.url())
	h.e.reaches(0)
	return h
}

// ask asks the edge and does not wait.
func (h *heldBack) ask() <-chan answer {
	answers, url := make(chan answer, 1), h.e.url("127.0.0.1", "/slow")
	go func() {
		a, err := get(url)
		if err != nil {
			a.body = err.Error()
		}
		answers <- a
	}()
	return answers
}

// asked waits until the origin is.
func (h *heldBack) asked() {
	h.t.Helper()
	select {
	case <-h.begun:
	case <-time.After(patience):
		h.t.Fatal("the origin is not asked")
	}
}

func (h *heldBack) invalidate() { h.e.reaches(h.c.invalidate("slow")) }

// invalidateUnheard is an invalidation while the edge has no stream: it hears of
// it when it resumes.
func (h *heldBack) invalidateUnheard() {
	h.d.shut()
	position := h.c.invalidate("slow")
	h.d.to(h.c.httpAddress())
	h.e.reaches(position)
}

// write changes the page through the edge (RFC 9111, section 4.4).
func (h *heldBack) write() {
	resp := must[*http.Response](h.t)(client.Post(h.e.url("127.0.0.1", "/slow"), "text/plain", strings.NewReader("new")))
	if a := must[answer](h.t)(read(resp)); a.code != http.StatusOK {
		h.t.Fatalf("write: %s", a)
	}
}

func (h *heldBack) wipe() {
	before := h.e.status().Epoch
	h.c.kill()
	if err := os.RemoveAll(h.c.dir); err != nil {
		h.t.Fatal(err)
	}
	h.c.start(h.t)
	h.d.to(h.c.httpAddress())
	eventually(h.t, "the edge follows the new log", func() error {
		if status := h.e.status(); status.Epoch == before || !status.Synced {
			return errors.New("it has the old epoch")
		}
		return nil
	})
}

// restart leaves fences for the new process to find.
func (h *heldBack) restart() {
	h.invalidate()
	h.e.kill()
	h.e.start(h.t)
	h.e.reaches(0)
}
