package cache

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
)

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
			fetch := func(ctx context.Context, _ Question) (*Response, error) {
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
