package cache

import (
	"testing"
	"testing/synctest"

	"github.com/ringcast/ringcast/internal/wire"
)

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
