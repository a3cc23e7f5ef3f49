package cache

import (
	"errors"
	"testing"
)

func TestInvalidate(t *testing.T) {
	t.Parallel()
	r := newRig(t, Config{})
	fetch := always(func() *Response { return respond(200, "x", "Cache-Control: max-age=60") })
	for _, target := range []string{"/a", "/ab", "/a*"} {
		r.outcome(t, get(target), fetch)
	}
	if err := r.Invalidate(t.Context(), get("/nothing"), nil); err != nil || r.fences.Generation() != 0 {
		t.Errorf("nothing stored: %v, generation %d", err, r.fences.Generation())
	}
	if err := r.Invalidate(t.Context(), get("/a*"), nil); err != nil || r.fences.Generation() != 1 {
		t.Errorf("one stored: %v, generation %d", err, r.fences.Generation())
	}
	for target, want := range map[string]Action{"/a": Serve, "/ab": Serve, "/a*": Fetch} {
		if got := r.Begin(get(target)).Action; got != want {
			t.Errorf("%s: action %v, want %v", target, got, want)
		}
	}
}

func TestInvalidateOfAFetchUnderWay(t *testing.T) {
	t.Parallel()
	r := newRig(t, Config{})
	held, done := newHeldFetch(), make(chan struct{})
	go func() {
		defer close(done)
		_, _, _ = r.ask(t.Context(), get("/a"), held.fetch)
	}()
	<-held.asked
	if err := r.Invalidate(t.Context(), get("/a"), nil); err != nil {
		t.Fatal(err)
	}
	held.answer <- respond(200, "before", "Cache-Control: max-age=60")
	<-done
	if got := r.Begin(get("/a")).Action; got != Fetch {
		t.Error("what was fetched before is served")
	}
}

func TestInvalidateWithoutADisk(t *testing.T) {
	t.Parallel()
	r := newRig(t, Config{})
	r.outcome(t, get("/a"), always(func() *Response { return respond(200, "x", "Cache-Control: max-age=60") }))
	held := newHeldFetch()
	done := make(chan string)
	go func() {
		body, _, _ := r.ask(t.Context(), get("/a", "Cache-Control: no-cache"), held.fetch)
		done <- body
	}()
	<-held.asked
	r.file.fail = errors.New("disk full")
	if err := r.Invalidate(t.Context(), get("/a"), nil); !errors.Is(err, r.file.fail) {
		t.Errorf("error is %v", err)
	}
	if got := r.Begin(get("/a")).Action; got != Fetch {
		t.Errorf("it is still served")
	}
	held.answer <- respond(200, "before", "Cache-Control: max-age=60")
	if body := <-done; body != "before" {
		t.Errorf("who asked before got %q", body)
	}
	if got := r.Begin(get("/a")).Action; got != Fetch {
		t.Errorf("a fetch that began before was stored")
	}
}
