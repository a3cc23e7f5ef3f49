package cache

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/ringcast/ringcast/internal/wire"
)

// inBubble runs a test on a cache whose clock is the bubble's. It has no state
// file: fences are published as if they had been stored.
func inBubble(t *testing.T, run func(t *testing.T, r *rig)) {
	t.Helper()
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := &rig{Cache: New(Config{MaxBytes: 1 << 20, MaxEntries: 100, MaxObject: 1 << 10}, NewFences(time.Now), nil)}
		defer r.end(t)
		run(t, r)
	})
}

func (r *rig) fence(t *testing.T, e *wire.CacheInvalidated) {
	t.Helper()
	c, err := r.fences.plan(e, newAdditions())
	if err != nil {
		t.Fatal(err)
	}
	c.generation = r.fences.Generation() + 1
	if c.fence.softAt != 0 {
		c.fence.soft = c.generation
	} else {
		c.fence.hard = c.generation
	}
	r.fences.publish([]change{c})
}

// client is a request under way.
type client struct {
	body   string
	o      Outcome
	err    error
	done   chan struct{}
	cancel context.CancelFunc
}

// start asks and returns when everybody waits for something.
func (r *rig) start(t *testing.T, request *Request, fetch FetchFunc) *client {
	ctx, cancel := context.WithCancel(t.Context())
	c := &client{done: make(chan struct{}), cancel: cancel}
	go func() {
		defer close(c.done)
		c.body, c.o, c.err = r.ask(ctx, request, fetch)
	}()
	synctest.Wait()
	return c
}

func (c *client) want(t *testing.T, body, outcome string) {
	t.Helper()
	<-c.done
	if got := strings.TrimPrefix(c.o.String(), "ringcast; "); c.body != body || got != outcome || c.err != nil {
		t.Errorf("got %q, %q, %v, want %q, %q", c.body, got, c.err, body, outcome)
	}
}

// stream is a body that is written by hand.
func stream(lines ...string) (*Response, *io.PipeWriter) {
	r, w := io.Pipe()
	return &Response{Status: 200, Header: fieldsOf(lines...), Body: r, Length: -1}, w
}

func write1(t *testing.T, w *io.PipeWriter, s string) {
	t.Helper()
	if _, err := io.WriteString(w, s); err != nil {
		t.Error(err)
	}
	synctest.Wait()
}

const fresh = "Cache-Control: max-age=60"

func TestMissesShareAFetch(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		origin := newHeldFetch()
		first := r.start(t, get("/"), origin.fetch)
		var others []*client
		for range 20 {
			others = append(others, r.start(t, get("/"), origin.fetch))
		}
		origin.answer <- respond(200, "body", fresh)
		first.want(t, "body", "fwd=uri-miss; fwd-status=200; stored")
		for _, c := range others {
			c.want(t, "body", "fwd=uri-miss; fwd-status=200; collapsed")
		}
		r.start(t, get("/"), origin.fetch).want(t, "body", "hit; ttl=60")
		if n := origin.count.Load(); n != 1 {
			t.Errorf("%d fetches", n)
		}
	})
}

func TestErrorIsShared(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		release := make(chan struct{})
		broken := errors.New("no route")
		fetch := func(context.Context, bool) (*Response, error) { <-release; return nil, broken }
		a, b := r.start(t, get("/"), fetch), r.start(t, get("/"), fetch)
		close(release)
		<-a.done
		<-b.done
		if !errors.Is(a.err, broken) || !errors.Is(b.err, broken) {
			t.Errorf("errors are %v and %v", a.err, b.err)
		}
	})
}

func TestAllReadWhileTheBodyGrows(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		resp, w := stream(fresh)
		fetch := always(func() *Response { return resp })
		answers := make([]*Answer, 2)
		for i := range answers {
			var err error
			if answers[i], err = r.Do(t.Context(), get("/"), r.Begin(get("/")), fetch); err != nil {
				t.Fatal(err)
			}
			write1(t, w, fmt.Sprint(i))
		}
		if answers[0].Outcome.Collapsed || !answers[1].Outcome.Collapsed {
			t.Errorf("outcomes: %v, %v", answers[0].Outcome, answers[1].Outcome)
		}
		for _, a := range answers {
			got := make([]byte, 2)
			if _, err := io.ReadFull(a.Body, got); err != nil || string(got) != "01" {
				t.Errorf("read %q, %v", got, err)
			}
		}
		_ = w.Close()
		for _, a := range answers {
			if rest, err := io.ReadAll(a.Body); len(rest) > 0 || err != nil {
				t.Errorf("at the end: %q, %v", rest, err)
			}
			_ = a.Body.Close()
		}
	})
}

func TestFirstClientLeaves(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		origin := newHeldFetch()
		first := r.start(t, get("/"), origin.fetch)
		second := r.start(t, get("/"), origin.fetch)
		first.cancel()
		<-first.done
		if !errors.Is(first.err, context.Canceled) {
			t.Errorf("error is %v", first.err)
		}
		resp, w := stream(fresh)
		origin.answer <- resp
		write1(t, w, "body")
		_ = w.Close()
		second.want(t, "body", "fwd=uri-miss; fwd-status=200; collapsed")
	})
}

func TestLastClientLeaves(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		origin := newHeldFetch()
		a, b := r.start(t, get("/"), origin.fetch), r.start(t, get("/"), origin.fetch)
		a.cancel()
		b.cancel()
		synctest.Wait()
		if len(r.byURL) != 0 {
			t.Error("the fetch goes on for nobody")
		}
		c := r.start(t, get("/"), origin.fetch)
		origin.answer <- respond(200, "body", fresh)
		c.want(t, "body", "fwd=uri-miss; fwd-status=200; stored")
	})
}

func TestLeaderLeavesAtTheAnswer(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		for _, lines := range []string{fresh, "Cache-Control: no-store"} {
			resp, w := stream(lines)
			var ended bool
			fetch := func(ctx context.Context, _ bool) (*Response, error) {
				context.AfterFunc(ctx, func() { ended = true; _ = w.CloseWithError(ctx.Err()) })
				return resp, nil
			}
			c := r.start(t, get("/"), fetch)
			c.cancel()
			_ = w.CloseWithError(context.Canceled)
			synctest.Wait()
			if !ended {
				t.Errorf("%s: the fetch was not ended", lines)
			}
		}
	})
}

func TestSlowClientStallsNobody(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		body := strings.Repeat("x", 1<<10)
		fetch := always(func() *Response { return respond(200, body, fresh) })
		slow, err := r.Do(t.Context(), get("/"), r.Begin(get("/")), fetch)
		if err != nil {
			t.Fatal(err)
		}
		r.start(t, get("/"), fetch).want(t, body, "hit; ttl=60")
		if got, err := io.ReadAll(slow.Body); string(got) != body || err != nil {
			t.Errorf("the slow one has %d bytes, %v", len(got), err)
		}
		_ = slow.Body.Close()
	})
}

func TestBrokenTransfersAreNotStored(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		short := respond(200, "short", fresh)
		short.Length = 10
		cut, w := stream(fresh)
		go func() {
			_, _ = io.WriteString(w, "cut")
			_ = w.CloseWithError(errors.New("reset by peer"))
		}()
		for name, resp := range map[string]*Response{"short": short, "cut": cut} {
			target := "/" + name
			_, o, err := r.ask(t.Context(), get(target), always(func() *Response { return resp }))
			if err == nil {
				t.Errorf("%s: a clean end, %v", name, o)
			}
			if r.Begin(get(target)).Action == Serve {
				t.Errorf("%s: stored", name)
			}
		}
	})
}

func TestUncacheableDoesNotSerialise(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		origin := newHeldFetch()
		clients := make([]*client, 10)
		for i := range clients {
			clients[i] = r.start(t, get("/"), origin.fetch)
		}
		own := func() *Response { return respond(200, "own", "Cache-Control: private") }
		origin.answer <- own()
		synctest.Wait()
		if n := origin.count.Load(); n != 10 {
			t.Errorf("%d of 10 have asked", n)
		}
		// The next ones do not even wait for the first answer.
		clients = append(clients, r.start(t, get("/"), origin.fetch), r.start(t, get("/"), origin.fetch))
		if n := origin.count.Load(); n != 12 {
			t.Errorf("%d of 12 have asked", n)
		}
		for range 11 {
			origin.answer <- own()
		}
		for _, c := range clients {
			c.want(t, "own", "fwd=uri-miss; fwd-status=200")
		}
		time.Sleep(passFor)
		a, b := r.start(t, get("/"), origin.fetch), r.start(t, get("/"), origin.fetch)
		origin.answer <- respond(200, "body", fresh)
		a.want(t, "body", "fwd=uri-miss; fwd-status=200; stored")
		b.want(t, "body", "fwd=uri-miss; fwd-status=200; collapsed")
	})
}

func TestUnsharedFetchKeepsConditions(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		var got []bool
		fetch := func(_ context.Context, shared bool) (*Response, error) {
			got = append(got, shared)
			return respond(200, "own", "Cache-Control: private"), nil
		}
		for range 2 {
			r.outcome(t, get("/"), fetch)
		}
		if fmt.Sprint(got) != "[true false]" {
			t.Errorf("shared: %v, want the first only", got)
		}
	})
}

func TestWaiterAfterAFenceFetchesAgain(t *testing.T) {
	for name, e := range map[string]*wire.CacheInvalidated{
		"tag": {Tags: []string{"a"}}, "key": {Keys: []string{"/"}}, "all": {All: true}, "soft": {Tags: []string{"a"}, Soft: true},
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(t *testing.T, r *rig) {
				origin := newHeldFetch()
				before := []*client{r.start(t, get("/"), origin.fetch), r.start(t, get("/"), origin.fetch)}
				r.fence(t, &wire.CacheInvalidated{Tags: []string{"other"}})
				between := r.start(t, get("/"), origin.fetch)
				r.fence(t, e)
				after := []*client{r.start(t, get("/"), origin.fetch), r.start(t, get("/"), origin.fetch)}
				old := respond(200, "old", fresh, "Cache-Tag: a")
				origin.answer <- old
				synctest.Wait()
				// Those who asked in between may be refused too: which of the fences
				// covers the response is not known any more.
				if n := origin.count.Load(); n != 2 {
					t.Errorf("%d fetches, want 2", n)
				}
				origin.answer <- respond(200, "new", fresh, "Cache-Tag: a")
				for _, c := range before {
					if <-c.done; c.body != "old" || c.o.Stored {
						t.Errorf("before: %q, %v", c.body, c.o)
					}
				}
				for _, c := range append(after, between) {
					if <-c.done; c.body != "new" || c.err != nil {
						t.Errorf("after: %q, %v", c.body, c.err)
					}
				}
				r.start(t, get("/"), origin.fetch).want(t, "new", "hit; ttl=60")
			})
		})
	}
}

func TestKnownTagsSpareTheWait(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		tagged := func(body string) *Response { return respond(200, body, fresh, "Cache-Tag: a") }
		r.outcome(t, get("/"), always(func() *Response { return tagged("0") }))
		r.fence(t, &wire.CacheInvalidated{Tags: []string{"a"}})
		slow := newHeldFetch()
		before := r.start(t, get("/"), slow.fetch)
		r.fence(t, &wire.CacheInvalidated{Tags: []string{"a"}})
		quick := always(func() *Response { return tagged("2") })
		r.start(t, get("/"), quick).want(t, "2", "fwd=uri-miss; fwd-status=200; stored")
		slow.answer <- tagged("1")
		before.want(t, "1", "fwd=uri-miss; fwd-status=200")
		r.start(t, get("/"), quick).want(t, "2", "hit; ttl=60")
	})
}

func TestFenceWhileTheBodyGrows(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		old, w := stream(fresh, "Cache-Tag: a")
		before := r.start(t, get("/"), always(func() *Response { return old }))
		write1(t, w, "ol")
		r.fence(t, &wire.CacheInvalidated{Tags: []string{"a"}})
		next := always(func() *Response { return respond(200, "new", fresh, "Cache-Tag: a") })
		r.start(t, get("/"), next).want(t, "new", "fwd=uri-miss; fwd-status=200; stored")
		write1(t, w, "d")
		_ = w.Close()
		before.want(t, "old", "fwd=uri-miss; fwd-status=200; stored")
		r.start(t, get("/"), next).want(t, "new", "hit; ttl=60")
	})
}

func TestVariantsDoNotShare(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		origin := newHeldFetch()
		page := func(language string) *Response { return respond(200, language, fresh, "Vary: Accept-Language") }
		english := r.start(t, get("/", "Accept-Language: en"), origin.fetch)
		german := []*client{
			r.start(t, get("/", "Accept-Language: de"), origin.fetch),
			r.start(t, get("/", "Accept-Language: de"), origin.fetch),
		}
		origin.answer <- page("en")
		english.want(t, "en", "fwd=uri-miss; fwd-status=200; stored")
		synctest.Wait()
		origin.answer <- page("de")
		<-german[0].done
		<-german[1].done
		if german[0].body != "de" || german[1].body != "de" || origin.count.Load() != 2 {
			t.Errorf("got %q and %q by %d fetches", german[0].body, german[1].body, origin.count.Load())
		}
	})
}

func TestReloadDoesNotJoin(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		origin := newHeldFetch()
		plain := r.start(t, get("/"), origin.fetch)
		fetch := always(func() *Response { return respond(200, "new", fresh) })
		r.start(t, get("/", "Cache-Control: no-cache"), fetch).want(t, "new", "fwd=request; fwd-status=200; stored")
		origin.answer <- respond(200, "old", fresh)
		plain.want(t, "old", "fwd=uri-miss; fwd-status=200; stored")
	})
}

func TestBodyBeyondTheLimitPasses(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		body := strings.Repeat("0123456789", 1000) // about ten times MaxObject
		resp, w := stream(fresh)
		fetch := always(func() *Response { return resp })
		first := r.start(t, get("/"), fetch)
		second := r.start(t, get("/"), fetch)
		flight := r.open["http://h/"]
		go func() {
			_, _ = io.WriteString(w, body)
			_ = w.Close()
		}()
		<-first.done
		<-second.done
		if first.body != body || second.body != body {
			t.Errorf("read %d and %d bytes of %d", len(first.body), len(second.body), len(body))
		}
		if n := cap(flight.fill.data); n > firstCapacity {
			t.Errorf("%d bytes were kept", n)
		}
		if r.Begin(get("/")).Action == Serve {
			t.Error("it was stored")
		}
		known := always(func() *Response { return respond(200, body, fresh) })
		r.start(t, get("/known"), known).want(t, body, "fwd=uri-miss; fwd-status=200")
	})
}

func TestBodyOfJustTheLimitIsStored(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		r.config.MaxObject = firstCapacity
		for _, size := range []int{firstCapacity, firstCapacity + 1} {
			target := fmt.Sprintf("/%d", size)
			r.outcome(t, get(target), always(func() *Response {
				resp := respond(200, strings.Repeat("x", size), fresh)
				resp.Length = -1
				return resp
			}))
			if stored := r.Begin(get(target)).Action == Serve; stored != (size == firstCapacity) {
				t.Errorf("%d bytes: stored is %v", size, stored)
			}
		}
	})
}

func TestStuckClientOfAnEndlessBodyIsDropped(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		resp, w := stream(fresh)
		fetch := always(func() *Response { return resp })
		stuck, err := r.Do(t.Context(), get("/"), r.Begin(get("/")), fetch)
		if err != nil {
			t.Fatal(err)
		}
		reader := r.start(t, get("/"), fetch)
		body := strings.Repeat("x", 100_000)
		begun := time.Now()
		go func() {
			_, _ = io.WriteString(w, body)
			_ = w.Close()
		}()
		reader.want(t, body, "fwd=uri-miss; fwd-status=200; collapsed")
		if waited := time.Since(begun); waited != stallLimit {
			t.Errorf("waited %v", waited)
		}
		if _, err := io.ReadAll(stuck.Body); !errors.Is(err, errStalled) {
			t.Errorf("error is %v", err)
		}
		_ = stuck.Body.Close()
	})
}

func TestSlowClientAloneIsNotDropped(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		resp, w := stream(fresh)
		a, err := r.Do(t.Context(), get("/"), r.Begin(get("/")), always(func() *Response { return resp }))
		if err != nil {
			t.Fatal(err)
		}
		go func() {
			_, _ = io.WriteString(w, strings.Repeat("x", 100_000))
			_ = w.Close()
		}()
		time.Sleep(10 * stallLimit)
		if got, err := io.ReadAll(a.Body); len(got) != 100_000 || err != nil {
			t.Errorf("%d bytes, %v", len(got), err)
		}
		_ = a.Body.Close()
	})
}

func TestMemoryOfFetchesIsBounded(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		r.config.MaxBytes = 1000
		resp, w := stream(fresh)
		resp.Length = 900
		first := r.start(t, get("/1"), always(func() *Response { return resp }))
		body := strings.Repeat("x", 200)
		pass := always(func() *Response { return respond(200, body, fresh) })
		r.start(t, get("/2"), pass).want(t, body, "fwd=uri-miss; fwd-status=200")
		write1(t, w, strings.Repeat("y", 900))
		<-first.done
		r.start(t, get("/2"), pass).want(t, body, "fwd=uri-miss; fwd-status=200; stored")
	})
}

func TestMemoryOfReadersIsBounded(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		r.config.MaxBytes = 3000
		body := strings.Repeat("x", 1000)
		var answers []*Answer
		shared := 0
		for i := range 5 {
			q := get(fmt.Sprint("/", i))
			a, err := r.Do(t.Context(), q, r.Begin(q), always(func() *Response { return respond(200, body, fresh) }))
			if err != nil {
				t.Fatal(err)
			}
			if answers = append(answers, a); !a.Own {
				shared++
			}
			synctest.Wait() // the fetch has ended; its reader has not begun
		}
		if n := r.filling.Load(); shared != 3 || n != 3000 {
			t.Errorf("%d of 5 are held, %d bytes, want 3 of 1000", shared, n)
		}
		for _, a := range answers {
			if got, err := io.ReadAll(a.Body); string(got) != body || err != nil {
				t.Errorf("read %d bytes, %v", len(got), err)
			}
			_ = a.Body.Close()
		}
		if n := r.filling.Load(); n != 0 {
			t.Errorf("%d bytes are held for nobody", n)
		}
	})
}

func TestSettlingFetchIsSharedWhileItSettles(t *testing.T) {
	for name, guess := range map[string]bool{"tags unknown": false, "tags known": true} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(t *testing.T, r *rig) {
				tagged := func(body string) *Response { return respond(200, body, fresh, "Cache-Tag: a") }
				if guess {
					r.outcome(t, get("/"), always(func() *Response { return tagged("0") }))
				}
				r.fence(t, &wire.CacheInvalidated{Tags: []string{"a"}, Settle: "10s"})
				old, w := stream(fresh, "Cache-Tag: a")
				next := always(func() *Response { return tagged("new") })
				clients := []*client{
					r.start(t, get("/"), always(func() *Response { return old })),
					r.start(t, get("/"), next),
				}
				write1(t, w, "old")
				time.Sleep(10 * time.Second) // the bubble's
				r.start(t, get("/"), next).want(t, "new", "fwd=uri-miss; fwd-status=200; stored")
				_ = w.Close()
				clients[0].want(t, "old", "fwd=uri-miss; fwd-status=200")
				clients[1].want(t, "old", "fwd=uri-miss; fwd-status=200; collapsed")
			})
		})
	}
}

func TestWhatSaysNothingOfOthersIsNoPass(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		for i, tt := range []struct {
			response *Response
			lines    []string
			want     bool
		}{
			{respond(304, ""), []string{`If-None-Match: "1"`}, false},
			{respond(200, "", fresh), []string{"Authorization: x"}, false},
			{respond(200, "", "Cache-Control: private"), nil, true},
		} {
			target := fmt.Sprint("/", i)
			r.outcome(t, get(target, tt.lines...), always(func() *Response { return tt.response }))
			if got := r.passes.has("http://h" + target); got != tt.want {
				t.Errorf("%d: others do not wait is %v, want %v", i, got, tt.want)
			}
		}
	})
}

func TestCloseEndsFetches(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		c := r.start(t, get("/"), newHeldFetch().fetch)
		r.Close()
		if <-c.done; c.err == nil {
			t.Error("no error")
		}
		if _, _, err := r.ask(t.Context(), get("/"), newHeldFetch().fetch); !errors.Is(err, errClosed) {
			t.Errorf("after it: %v", err)
		}
	})
}

func TestHardFenceWhileTheOriginFails(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		r.outcome(t, get("/"), always(func() *Response { return respond(200, "old", "Cache-Control: max-age=1, stale-if-error=99") }))
		time.Sleep(2 * time.Second) // the bubble's
		origin := newHeldFetch()
		c := r.start(t, get("/"), origin.fetch)
		r.fence(t, &wire.CacheInvalidated{Keys: []string{"/"}})
		origin.answer <- respond(503, "sorry")
		c.want(t, "sorry", "fwd=stale; fwd-status=503")
	})
}

// closeCounter is a body that notes its end.
type closeCounter struct {
	io.Reader
	closed int
}

func (c *closeCounter) Close() error { c.closed++; return nil }

func TestErrorThatIsNotShownIsClosed(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		r.outcome(t, get("/"), always(func() *Response { return respond(200, "old", "Cache-Control: max-age=1, stale-if-error=99") }))
		time.Sleep(2 * time.Second) // the bubble's
		body := &closeCounter{Reader: strings.NewReader("sorry")}
		failing := always(func() *Response { return &Response{Status: 503, Header: Header{}, Body: body, Length: 5} })
		r.start(t, get("/"), failing).want(t, "old", "fwd=stale; fwd-status=503; ttl=-1")
		if body.closed != 1 {
			t.Errorf("the error's body was closed %d times", body.closed)
		}
	})
}
