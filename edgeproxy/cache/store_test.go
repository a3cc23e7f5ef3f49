package cache

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

func TestBounds(t *testing.T) {
	t.Parallel()
	fetch := always(func() *Response { return respond(200, strings.Repeat("x", 1000), "Cache-Control: max-age=60") })
	for name, tt := range map[string]struct {
		config Config
		most   int
	}{
		"entries": {Config{MaxBytes: 1 << 30, MaxEntries: 20, MaxObject: 1 << 20}, 20},
		"bytes":   {Config{MaxBytes: 100_000, MaxEntries: 1 << 30, MaxObject: 1 << 20}, 66},
	} {
		r := newRig(t, tt.config)
		for i := range 500 {
			r.outcome(t, get(fmt.Sprintf("/%d", i)), fetch)
		}
		r.store.resources.CleanUp()
		if n := r.Stats().URLs; n > tt.most || n < tt.most*3/4 {
			t.Errorf("%s: %d entries, want about %d", name, n, tt.most)
		}
	}
}

func TestVariantsAreBounded(t *testing.T) {
	t.Parallel()
	r := newRig(t, Config{})
	fetch := always(func() *Response { return respond(200, "x", "Cache-Control: max-age=60", "Vary: A") })
	for i := range 3 * maxVariants {
		r.clock.advance(time.Millisecond)
		r.outcome(t, get("/", fmt.Sprintf("A: %d", i)), fetch)
	}
	if n := len(r.store.get("http://h/").variants); n != maxVariants {
		t.Errorf("%d variants, want %d", n, maxVariants)
	}
	if got := r.outcome(t, get("/", fmt.Sprintf("A: %d", 3*maxVariants-1)), fetch); !strings.HasPrefix(got, "hit") {
		t.Errorf("the latest is gone: %q", got)
	}
}

func TestEarlierFetchDoesNotReplaceALaterOne(t *testing.T) {
	t.Parallel()
	r := newRig(t, Config{})
	held := newHeldFetch()
	done := make(chan struct{})
	go func() {
		defer close(done)
		_, _, _ = r.ask(t.Context(), get("/"), held.fetch)
	}()
	<-held.asked
	r.clock.advance(time.Second)
	r.outcome(t, get("/", "Cache-Control: no-cache"), always(func() *Response { return respond(200, "new", "Cache-Control: max-age=60") }))
	held.answer <- respond(200, "old", "Cache-Control: max-age=60")
	<-done
	if d := r.Begin(get("/")); string(d.Entry.Body()) != "new" {
		t.Errorf("stored is %q", d.Entry.Body())
	}
}
