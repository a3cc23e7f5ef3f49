package coalesce

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/ringcast/ringcast/controlplane"
	"github.com/ringcast/ringcast/controlplane/eventlog"
	"github.com/ringcast/ringcast/internal/wire"
)

const (
	window = 50 * time.Millisecond
	takes  = 7 * time.Millisecond
)

// rig runs in a bubble.
type rig struct {
	t     *testing.T
	log   *fakeLog
	c     *Invalidations
	began time.Time
}

// bubble gives each test a time of its own, which begins at 0.
func bubble(t *testing.T, test func(*rig)) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		log := &fakeLog{takes: takes}
		test(&rig{t, log, start(t, log, window), time.Now()})
	})
}

// until waits until so long after the begin.
func (r *rig) until(at time.Duration) { time.Sleep(at - time.Since(r.began)) }

// call is one under way.
type call struct {
	leave context.CancelFunc
	done  chan struct{}

	receipt eventlog.Receipt
	err     error
	at      time.Duration
}

// call makes one, with a request id unless that is empty.
func (r *rig) call(id string, i controlplane.Invalidation) *call {
	ctx, cancel := context.WithCancel(r.t.Context())
	c := &call{leave: cancel, done: make(chan struct{})}
	go func() {
		defer close(c.done)
		c.receipt, c.err = r.c.Append(ctx, i, requestFor("alice", id, i))
		c.at = time.Since(r.began)
	}()
	synctest.Wait() // so that calls arrive in the order of the test
	return c
}

func requestFor(principal, id string, i controlplane.Invalidation) eventlog.Request {
	content := fmt.Sprintf("%+v", i)
	return eventlog.Request{Principal: principal, ID: id, Digest: sha256.Sum256([]byte(content)), Detail: content}
}

func tags(tags ...string) controlplane.Invalidation { return controlplane.Invalidation{Tags: tags} }

// answers wants a call's position and when it came.
func (r *rig) answers(c *call, position uint64, at time.Duration) {
	r.t.Helper()
	<-c.done
	if c.err != nil || c.receipt.Position != position || c.at != at {
		r.t.Errorf("position %d at %s, %v; want %d at %s", c.receipt.Position, c.at, c.err, position, at)
	}
}

// fails wants a call's error and when it came.
func (r *rig) fails(c *call, want error, at time.Duration) {
	r.t.Helper()
	<-c.done
	if !errors.Is(c.err, want) || c.at != at {
		r.t.Errorf("%v at %s; want %v at %s", c.err, c.at, want, at)
	}
}

// recorded wants the events' tags, as text, and how many requests each has.
func (r *rig) recorded(want ...string) {
	r.t.Helper()
	var got []string
	for _, u := range r.log.recorded() {
		got = append(got, fmt.Sprintf("%s of %d", strings.Join(u.event.Tags, " "), len(u.requests)))
	}
	if diff := cmp.Diff(want, got); diff != "" {
		r.t.Errorf("recorded (-want +got):\n%s", diff)
	}
}

func TestWindow(t *testing.T) {
	bubble(t, func(r *rig) {
		one := r.call("", tags("b", "a"))
		r.until(10 * time.Millisecond)
		two := r.call("id", tags("a", "c"))
		r.until(window - 1)
		three := r.call("", tags("d"))
		r.until(window)
		synctest.Wait()
		four := r.call("", tags("e"))
		for _, c := range []*call{one, two, three} {
			r.answers(c, 1, window+takes)
		}
		r.answers(four, 2, 2*window+takes)
		r.recorded("b a c d of 3", "e of 1")
	})
}

// TestKinds wants what cannot be one event to be several.
func TestKinds(t *testing.T) {
	bubble(t, func(r *rig) {
		hard, soft, settle := tags("a"), tags("b"), tags("c")
		soft.Soft, settle.Settle = true, time.Second
		for range 2 {
			for _, i := range []controlplane.Invalidation{hard, soft, settle} {
				r.call("", i)
			}
		}
		r.until(window + takes)
		got := map[string]string{}
		for _, u := range r.log.recorded() {
			got[strings.Join(u.event.Tags, " ")] = fmt.Sprint(u.event.Soft, u.event.Settle, len(u.requests))
		}
		if diff := cmp.Diff(map[string]string{"a": "false2", "b": "true2", "c": "false1s2"}, got); diff != "" {
			r.t.Errorf("(-want +got):\n%s", diff)
		}
	})
}

// TestLaterIsLater: who got an answer and asks again is in a later event, of which
// the window begins anew.
func TestLaterIsLater(t *testing.T) {
	bubble(t, func(r *rig) {
		for n := range 3 {
			r.answers(r.call("", tags("a")), uint64(n+1), time.Duration(n+1)*(window+takes))
		}
		r.recorded("a of 1", "a of 1", "a of 1")
	})
}

// TestRequestIDs has ids come again in every way.
func TestRequestIDs(t *testing.T) {
	bubble(t, func(r *rig) {
		first := r.call("1", tags("a"))
		again := r.call("1", tags("a"))
		beside, zeroth := r.call("2", tags("b")), r.call("0", tags("a"))
		r.until(window + 1)
		underWay := r.call("1", tags("a"))
		late, other, another := r.call("3", tags("c")), r.call("2", tags("not b")), r.call("0", tags("not a"))
		third := r.call("", tags("d"))
		for _, c := range []*call{first, again, beside, zeroth} {
			r.answers(c, 1, window+takes)
		}
		r.answers(underWay, 1, 2*window+1+takes)
		r.fails(other, eventlog.ErrRequestReused, 2*window+1+takes)
		r.fails(another, eventlog.ErrRequestReused, 2*window+1+takes)
		r.answers(late, 2, 2*window+1+takes)
		r.answers(third, 2, 2*window+1+takes)
		r.recorded("a b of 3", "c d of 2")
		if r.log.appends != 3 {
			r.t.Errorf("%d appends; want one in vain", r.log.appends)
		}
	})
}

// TestIDOfTwoRequests has two contents under one id at once: the log decides which
// was first, and neither keeps others from an answer.
func TestIDOfTwoRequests(t *testing.T) {
	bubble(t, func(r *rig) {
		first, beside := r.call("1", tags("a")), r.call("", tags("b"))
		other := r.call("1", tags("not a"))
		r.answers(first, 1, takes)
		r.answers(beside, 1, takes)
		r.fails(other, eventlog.ErrRequestReused, window)
		r.recorded("a b of 2")
	})
}

func TestIDsArePrincipals(t *testing.T) {
	bubble(t, func(r *rig) {
		go func() {
			_, _ = r.c.Append(r.t.Context(), tags("b"), requestFor("bob", "1", tags("b")))
		}()
		synctest.Wait()
		r.answers(r.call("1", tags("a")), 1, window+takes)
		r.recorded("b a of 2")
	})
}

// TestLeaving has callers go while they wait, and while the log is at it.
func TestLeaving(t *testing.T) {
	bubble(t, func(r *rig) {
		gone, stays := r.call("1", tags("a")), r.call("", tags("b"))
		twice, again := r.call("2", tags("c")), r.call("2", tags("c"))
		r.until(10 * time.Millisecond)
		gone.leave()
		twice.leave()
		r.fails(gone, context.Canceled, 10*time.Millisecond)
		r.fails(twice, context.Canceled, 10*time.Millisecond)
		r.until(window + 1)
		again.leave()
		r.fails(again, context.Canceled, window+1)
		r.answers(stays, 1, window+takes)
		r.recorded("b c of 2")

		r.call("", tags("d")).leave()
		r.until(time.Second)
		if r.log.appends != 1 {
			r.t.Error("an append for a caller who had gone")
		}
	})
}

func TestLogFails(t *testing.T) {
	bubble(t, func(r *rig) {
		full := errors.New("disk is full")
		r.log.failWith(full)
		one, two := r.call("1", tags("a")), r.call("", tags("b"))
		r.fails(one, full, window)
		r.fails(two, full, window)
		r.log.failWith(nil)
		r.answers(r.call("1", tags("a")), 1, 2*window+takes)
	})
}

func TestFlush(t *testing.T) {
	bubble(t, func(r *rig) {
		hard, soft := r.call("", tags("a")), r.call("", controlplane.Invalidation{All: true, Soft: true})
		r.until(time.Millisecond)
		if err := r.c.Flush(r.t.Context()); err != nil || time.Since(r.began) != time.Millisecond+takes {
			r.t.Errorf("%v after %s", err, time.Since(r.began))
		}
		<-hard.done
		<-soft.done
		if hard.err != nil || soft.err != nil || hard.at != time.Millisecond+takes || soft.at != hard.at {
			r.t.Errorf("%+v, %+v", hard, soft)
		}
		r.answers(r.call("", tags("b")), 3, time.Millisecond+2*takes)
		if err := r.c.Flush(r.t.Context()); err != nil {
			r.t.Error(err)
		}
	})
}

// TestFlushIsBounded has the log take longer than a stop may.
func TestFlushIsBounded(t *testing.T) {
	bubble(t, func(r *rig) {
		waits := r.call("", tags("a"))
		ctx, cancel := context.WithTimeout(r.t.Context(), time.Millisecond)
		defer cancel()
		if err := r.c.Flush(ctx); !errors.Is(err, context.DeadlineExceeded) {
			r.t.Error(err)
		}
		r.answers(waits, 1, takes)
	})
}

// TestClose wants nothing to run afterwards, which the bubble sees to, and nobody
// to be left waiting.
func TestClose(t *testing.T) {
	bubble(t, func(r *rig) {
		underWay := r.call("", tags("a"))
		r.until(window + 1)
		waits := r.call("", tags("b"))
		g := r.c.opened()[0]
		r.c.Close()
		select {
		case <-g.done:
		default:
			r.t.Error("something runs on")
		}
		r.fails(underWay, context.Canceled, window+1)
		r.fails(waits, context.Canceled, window+1)
		r.c.Close()
		r.fails(r.call("", tags("c")), eventlog.ErrClosed, window+1)
		r.recorded("a of 1")
	})
}

// TestFull has groups reach each limit: what fits beside the first goes with it,
// at once when something does not.
func TestFull(t *testing.T) {
	t.Parallel()
	names := func(n, size int) (list []string) {
		for i := range n {
			list = append(list, fmt.Sprintf("/%0*d", size-1, i))
		}
		return list
	}
	for name, row := range map[string]struct {
		first, fits []controlplane.Invalidation
		too         controlplane.Invalidation
	}{
		"tags":     {of(tags(names(controlplane.MaxSelected-1, 5)...)), of(tags("a"), tags("/0000"), keys("/k")), tags("b")},
		"keys":     {of(keys(names(controlplane.MaxSelected-1, 5)...)), of(keys("/a"), keys("/0000"), tags("t")), keys("/b")},
		"bytes":    {of(keys(names(63, 2048)...), tags(names(7, 256)...)), of(tags(names(8, 256)...)), tags("a")},
		"all":      {of(controlplane.Invalidation{All: true}, keys(names(64, 2048)...)), of(controlplane.Invalidation{All: true}), tags("a")},
		"requests": {repeat(tags("a"), maxMembers-1), of(tags("b")), tags("a")},
		"records":  {repeat(keys(names(60, 2048)...), 8), of(keys("/a")), keys(names(60, 2048)...)},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(r *rig) {
				var first []*call
				for _, i := range append(row.first, row.fits...) {
					first = append(first, r.call("", i))
				}
				if n := len(r.log.recorded()); n != 0 {
					r.t.Fatalf("%d events before anything was too much", n)
				}
				r.until(time.Millisecond)
				beyond, beside := r.call("", row.too), r.call("", row.too)
				for _, c := range first {
					r.answers(c, 1, time.Millisecond+takes)
				}
				r.answers(beyond, 2, time.Millisecond+window+takes)
				r.answers(beside, 2, time.Millisecond+window+takes)
				for _, u := range r.log.recorded() {
					withinLimits(t, u)
				}
			})
		})
	}
}

func of(list ...controlplane.Invalidation) []controlplane.Invalidation { return list }

func repeat(i controlplane.Invalidation, n int) (list []controlplane.Invalidation) {
	for range n {
		list = append(list, i)
	}
	return list
}

func keys(keys ...string) controlplane.Invalidation { return controlplane.Invalidation{Keys: keys} }

// withinLimits wants an event to be one that a single request could have made.
func withinLimits(t interface{ Errorf(string, ...any) }, u unit) {
	size := 0
	for _, list := range [][]string{u.event.Tags, u.event.Keys} {
		for _, name := range list {
			size += len(name)
		}
		if len(list) > controlplane.MaxSelected {
			t.Errorf("%d of a kind selected", len(list))
		}
	}
	if size > controlplane.MaxSelectionBytes || len(u.requests) > maxMembers {
		t.Errorf("an event of %d requests selects %d bytes", len(u.requests), size)
	}
	if _, data := wire.Encode(&u.event); len(data) > 1<<20 {
		t.Errorf("an event of %d bytes", len(data))
	}
}
