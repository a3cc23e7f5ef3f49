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
// past was called off is nobody's who asks after that.
func TestFetchThatIsOvertaken(t *testing.T) {
	t.Parallel()
	for name, overtake := range map[string]func(*heldBack){
		"by an invalidation":    (*heldBack).invalidate,
		"by a client's write":   (*heldBack).write,
		"by another log":        (*heldBack).wipe,
		"by the edge's restart": (*heldBack).restart,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := holdBack(t)
			early := h.ask()
			h.asked()
			overtake(h)
			late := h.ask()
			if name != "by an invalidation" { // whose tag is not known before the answer
				h.asked() // who asks after waits for no fetch that began before
			}
			close(h.finish)
			first, second := <-early, <-late
			if first.body != "slow answer 1" && name != "by the edge's restart" {
				t.Errorf("who asked before gets %s", first)
			}
			if second.code != http.StatusOK || second.body != "slow answer 2" {
				t.Errorf("who asked after gets %s", second)
			}
			if a := h.e.get("/slow"); !isHit(a) || a.body != second.body {
				t.Errorf("the answer to who asked after is not kept: %s", a)
			}
		})
	}
}

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

// ask asks the edge, which may be killed meanwhile.
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

func (h *heldBack) restart() {
	h.e.kill()
	h.e.start(h.t)
	h.e.reaches(0)
}
