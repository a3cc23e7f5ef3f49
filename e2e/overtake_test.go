package e2e

import (
	"net/http"
	"testing"
)

// TestFetchThatAnInvalidationOvertakes: a response that the origin began before
// an invalidation is nobody's who asks after it.
func TestFetchThatAnInvalidationOvertakes(t *testing.T) {
	t.Parallel()
	begun, finish := make(chan struct{}, 8), make(chan struct{})
	origin := startSlowOrigin(t, begun, finish)
	c := startControl(t)
	e := startEdge(t, origin.URL, c.url)
	e.reaches(0)
	early := make(chan answer, 1)
	go func() {
		a, err := get(e.url("127.0.0.1", "/slow"))
		if err != nil {
			a.body = err.Error()
		}
		early <- a
	}()
	<-begun
	e.reaches(c.invalidate("slow"))
	close(finish)
	first := <-early
	if first.code != http.StatusOK {
		t.Errorf("the overtaken fetch gives %s", first)
	}
	second := e.get("/slow")
	if isHit(second) || second.body == first.body {
		t.Errorf("after the invalidation: %s, and before it: %s", second, first)
	}
	if a := e.get("/slow"); !isHit(a) || a.body != second.body {
		t.Errorf("the answer after the invalidation is not kept: %s", a)
	}
}
