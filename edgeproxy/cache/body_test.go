package cache

import (
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"time"
)

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
