package cache

import (
	"context"
	"errors"
	"fmt"
	"io"
	"testing"
	"testing/synctest"
	"time"
)

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
		fetch := func(context.Context, Question) (*Response, error) { <-release; return nil, broken }
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
		fetch := func(_ context.Context, q Question) (*Response, error) {
			got = append(got, q.Shared)
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
		r.start(t, get("/", "Cache-Control: no-cache"), fetch).want(t, "new", "fwd=uri-miss; fwd-status=200; stored")
		origin.answer <- respond(200, "old", fresh)
		plain.want(t, "old", "fwd=uri-miss; fwd-status=200; stored")
	})
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
