package cache

import (
	"fmt"
	"io"
	"strings"
	"testing"
	"testing/synctest"
)

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
