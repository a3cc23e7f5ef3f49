package cache

import (
	"errors"
	"io"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// Who takes a little now and then holds up the others no longer than who takes
// nothing; who takes enough may hold them up for as long as it needs.
func TestSlowClientHoldsUpOthersForSoLong(t *testing.T) {
	const size, piece = 4 << 20, 16 << 10
	for name, row := range map[string]struct {
		pace int // bytes a second
		cut  bool
	}{"far too slow": {leastPace / 8, true}, "slow": {2 * leastPace, false}} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(t *testing.T, r *rig) {
				resp, w := stream(fresh)
				fetch := always(func() *Response { return resp })
				slow, err := r.Do(t.Context(), get("/"), r.Begin(get("/")), fetch)
				if err != nil {
					t.Fatal(err)
				}
				quick := r.start(t, get("/"), fetch)
				body, begun := strings.Repeat("x", size), time.Now()
				go func() {
					_, _ = io.WriteString(w, body)
					_ = w.Close()
				}()
				read := 0
				for buffer := make([]byte, piece); err == nil; {
					time.Sleep(piece * time.Second / time.Duration(row.pace)) // the bubble's
					var n int
					n, err = io.ReadFull(slow.Body, buffer)
					read += n
				}
				if cut := errors.Is(err, errStalled); cut != row.cut || !cut && read != size {
					t.Errorf("after %d bytes: %v", read, err)
				}
				_ = slow.Body.Close()
				quick.want(t, body, "fwd=uri-miss; fwd-status=200; collapsed")
				if waited := time.Since(begun); waited > 2*stallLimit {
					t.Errorf("the others waited %v", waited)
				}
			})
		})
	}
}

// A body that turns out too long to be stored is not shared the next time.
func TestTooLongABodyIsNotSharedAgain(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		body := strings.Repeat("x", 100_000)
		fetch := always(func() *Response {
			resp := respond(200, body, fresh)
			resp.Length = -1
			return resp
		})
		<-r.start(t, get("/"), fetch).done
		held := newHeldFetch()
		first, second := r.start(t, get("/"), held.fetch), r.start(t, get("/"), held.fetch)
		synctest.Wait()
		if n := held.count.Load(); n != 2 {
			t.Errorf("%d fetches for two", n)
		}
		held.answer <- respond(200, "a", fresh)
		held.answer <- respond(200, "a", fresh)
		<-first.done
		<-second.done
	})
}

// Who needs an Authorization does not wait for the answer to another, time after
// time.
func TestAuthorizedDoNotSerialise(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		request := func() *Request { return get("/", "Authorization: x") }
		r.start(t, request(), always(func() *Response { return respond(200, "one", fresh) })).want(t, "one", "fwd=uri-miss; fwd-status=200")
		held := newHeldFetch()
		first, second := r.start(t, request(), held.fetch), r.start(t, request(), held.fetch)
		synctest.Wait()
		if n := held.count.Load(); n != 2 {
			t.Errorf("%d fetches for two", n)
		}
		open := newHeldFetch()
		others := []*client{r.start(t, get("/"), open.fetch), r.start(t, get("/"), open.fetch)}
		synctest.Wait()
		if n := open.count.Load(); n != 1 {
			t.Errorf("%d fetches for two without it", n)
		}
		held.answer <- respond(200, "a", fresh)
		held.answer <- respond(200, "a", fresh)
		open.answer <- respond(200, "a", fresh)
		for _, c := range append(others, first, second) {
			<-c.done
		}
	})
}

// A body that takes long may be stale before it has ended.
func TestNobodyJoinsWhatHasBecomeStale(t *testing.T) {
	for name, row := range map[string]struct {
		wait    time.Duration
		request *Request
		joins   bool
	}{
		"fresh":                    {30 * time.Second, get("/"), true},
		"stale":                    {61 * time.Second, get("/"), false},
		"too old for this request": {30 * time.Second, get("/", "Cache-Control: max-age=20"), false},
		"too soon stale for it":    {30 * time.Second, get("/", "Cache-Control: min-fresh=40"), false},
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(t *testing.T, r *rig) {
				resp, w := stream(fresh)
				first := r.start(t, get("/"), always(func() *Response { return resp }))
				write1(t, w, "slow")
				time.Sleep(row.wait) // the bubble's
				own := newHeldFetch()
				second := r.start(t, row.request, own.fetch)
				synctest.Wait()
				if joins := own.count.Load() == 0; joins != row.joins {
					t.Errorf("joins is %v", joins)
				}
				_ = w.Close()
				own.answer <- respond(200, "own", fresh)
				<-first.done
				<-second.done
			})
		})
	}
}
