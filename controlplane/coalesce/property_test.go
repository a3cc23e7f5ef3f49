package coalesce

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"

	"github.com/ringcast/ringcast/controlplane"
	"github.com/ringcast/ringcast/controlplane/eventlog"
)

// plan is what callers will do, and how long the log will take.
type plan struct {
	takes   time.Duration
	callers []caller
	// flush and close are when these come; 0: only at the end.
	flush, close time.Duration
}

// caller asks once; several may ask the same with one id.
type caller struct {
	at           time.Duration
	patience     time.Duration // 0: for ever
	invalidation controlplane.Invalidation
	request      eventlog.Request

	got answer
}

// answer is what a caller was told, and when.
type answer struct {
	receipt eventlog.Receipt
	err     error
	waited  time.Duration
}

// TestAnyCalls has callers come and go at any time.
func TestAnyCalls(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		p := plan{
			takes:   upTo(rt, "takes", 30),
			callers: rapid.SliceOfN(rapid.Custom(drawCaller), 1, 40).Draw(rt, "callers"),
			flush:   rapid.SampledFrom([]time.Duration{0, 0, 0, 90 * time.Millisecond}).Draw(rt, "flush"),
			close:   rapid.SampledFrom([]time.Duration{0, 0, 0, 120 * time.Millisecond}).Draw(rt, "close"),
		}
		log := &fakeLog{takes: p.takes}
		synctest.Test(t, func(t *testing.T) { p.run(t, log) })
		m := model{rt, p, log.units}
		m.checkUnits()
		for _, c := range p.callers {
			m.checkCaller(c)
		}
	})
}

func upTo(t *rapid.T, what string, milliseconds int) time.Duration {
	return time.Duration(rapid.IntRange(0, milliseconds).Draw(t, what)) * time.Millisecond
}

func drawCaller(t *rapid.T) caller {
	c := caller{at: upTo(t, "at", 200), invalidation: drawInvalidation(t)}
	if rapid.Bool().Draw(t, "leaves") {
		c.patience = upTo(t, "patience", 100)
	}
	c.request = requestFor(rapid.SampledFrom([]string{"alice", "bob"}).Draw(t, "principal"),
		rapid.SampledFrom([]string{"", "", "", "1", "2", "3"}).Draw(t, "id"), c.invalidation)
	return c
}

// drawInvalidation draws few names, so that they meet, and at times so much that
// two do not fit.
func drawInvalidation(t *rapid.T) controlplane.Invalidation {
	some := rapid.SliceOfNDistinct(rapid.SampledFrom([]string{"/a", "/b", "/c", "/a*"}), 0, 3, rapid.ID)
	i := controlplane.Invalidation{Tags: some.Draw(t, "tags"), Keys: some.Draw(t, "keys"), Soft: rapid.Bool().Draw(t, "soft")}
	if rapid.IntRange(0, 4).Draw(t, "much") == 0 {
		from := rapid.IntRange(0, 60).Draw(t, "from")
		for n := range 40 {
			i.Keys = append(i.Keys, fmt.Sprintf("/%02040d", from+n))
		}
	}
	i.Settle = rapid.SampledFrom([]time.Duration{0, 0, time.Second}).Draw(t, "settle")
	i.All = len(i.Tags)+len(i.Keys) == 0 || rapid.IntRange(0, 9).Draw(t, "all") == 0
	return i
}

func (p *plan) run(t *testing.T, log *fakeLog) {
	c := start(t, log, window)
	var callers sync.WaitGroup
	for n := range p.callers {
		callers.Go(func() { p.callers[n].call(t.Context(), c) })
	}
	if p.flush > 0 {
		callers.Go(func() {
			time.Sleep(p.flush)
			if err := c.Flush(t.Context()); err != nil {
				t.Error(err)
			}
		})
	}
	if p.close > 0 {
		callers.Go(func() {
			time.Sleep(p.close)
			c.Close()
		})
	}
	callers.Wait()
	c.Close()
}

func (c *caller) call(ctx context.Context, to *Invalidations) {
	time.Sleep(c.at)
	if c.patience > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, c.patience)
		defer cancel()
	}
	began := time.Now()
	c.got.receipt, c.got.err = to.Append(ctx, c.invalidation, c.request)
	c.got.waited = time.Since(began)
}

// model judges by looking through all that was asked for and recorded.
type model struct {
	*rapid.T
	plan
	units []unit
}

// checkUnits wants each event to select what its requests asked for and nothing
// else, and each request to be recorded once.
func (m model) checkUnits() {
	ids := map[requestID]bool{}
	for n, u := range m.units {
		withinLimits(m, u)
		var asked []caller
		for _, r := range u.requests {
			asked = append(asked, m.caller(r))
			if id := (requestID{r.Principal, r.ID}); r.ID != "" {
				if ids[id] {
					m.Errorf("%v was recorded twice", id)
				}
				ids[id] = true
			}
		}
		if got, want := selection(u), expected(asked); got != want {
			m.Errorf("event %d selects %.200s; its requests asked for %.200s", n+1, got, want)
		}
	}
}

// caller is one who made a request.
func (m model) caller(r eventlog.Request) caller {
	for _, c := range m.callers {
		if c.request == r {
			return c
		}
	}
	m.Fatalf("nobody asked for %.200s", r.Detail)
	return caller{}
}

func selection(u unit) string {
	slices.Sort(u.event.Tags)
	slices.Sort(u.event.Keys)
	return fmt.Sprint(u.event.All, u.event.Tags, u.event.Keys, u.event.Soft, u.event.Settle)
}

// expected is what an event of some requests selects.
func expected(asked []caller) string {
	var tags, keys []string
	var all bool
	for _, c := range asked {
		all = all || c.invalidation.All
		tags, keys = append(tags, c.invalidation.Tags...), append(keys, c.invalidation.Keys...)
	}
	if all {
		tags, keys = nil, nil
	}
	slices.Sort(tags)
	slices.Sort(keys)
	settle := strings.TrimPrefix(asked[0].invalidation.Settle.String(), "0s")
	return fmt.Sprint(all, slices.Compact(tags), slices.Compact(keys), asked[0].invalidation.Soft, settle)
}

// checkCaller wants an answer to be true and to come in time.
func (m model) checkCaller(c caller) {
	latest := window + m.takes
	switch err := c.got.err; {
	case err == nil:
		m.checkRecorded(c)
	case errors.Is(err, eventlog.ErrRequestReused):
		m.checkReused(c)
	case errors.Is(err, context.DeadlineExceeded) && c.patience > 0:
		if latest = c.patience; c.got.waited != latest {
			m.Errorf("gave up after %s instead of %s", c.got.waited, latest)
		}
	case m.close > 0 && errors.Is(err, eventlog.ErrClosed) && c.at >= m.close:
	case m.close > 0 && errors.Is(err, context.Canceled) && c.at+c.got.waited == m.close:
	default:
		m.Errorf("%v", err)
	}
	if c.got.waited > latest {
		m.Errorf("waited %s; want %s at most", c.got.waited, latest)
	}
	if m.flush > 0 && c.at > m.flush && c.got.waited > m.takes {
		m.Errorf("waited %s after a flush; want %s at most", c.got.waited, m.takes)
	}
}

// checkRecorded wants a request at the position that its caller was told.
func (m model) checkRecorded(c caller) {
	if position := c.got.receipt.Position; position == 0 || position > uint64(len(m.units)) ||
		!slices.Contains(m.units[position-1].requests, c.request) {
		m.Errorf("told %d, where its request is not", position)
	}
}

// checkReused wants another request to have the id.
func (m model) checkReused(c caller) {
	for _, u := range m.units {
		for _, r := range u.requests {
			if r.Principal == c.request.Principal && r.ID == c.request.ID && r.Digest != c.request.Digest {
				return
			}
		}
	}
	m.Errorf("refused request id %q, which nobody else used", c.request.ID)
}
