package cache

import (
	"context"
	"errors"
	"io"
)

// maxJoins bounds how often a request waits for fetches that turn out not to be
// for it, before it makes one of its own.
const maxJoins = 3

var errClosed = errors.New("cache is closed")

// Question is how to ask the origin.
type Question struct {
	// Conditions are to be sent in place of the client's where one is set: the
	// origin is asked about what is stored.
	Conditions
	// Shared: the answer is not for this client alone, so that conditions of its own
	// (If-None-Match, If-Modified-Since) are not sent, nor is its Range.
	Shared bool
}

// FetchFunc asks the origin. Its context does not end with the client's, and it
// has that one's values. It may be called again after it returned a response with
// status 304, whose body has been closed then.
type FetchFunc func(ctx context.Context, q Question) (*Response, error)

// Answer is what to answer after a Fetch.
type Answer struct {
	// Entry has the status and header, nil where Own is set.
	Entry *Entry
	// Whole: the entry has its body, and Reply may be asked.
	Whole bool
	// Body is the content, which may still grow. A read error other than io.EOF
	// must reach the client as a broken transfer. The caller closes it.
	Body io.ReadCloser
	// Length of Body in bytes, -1 where it is not known.
	Length int64
	// Leads: the caller's own fetch brings it, and its header is all the client's.
	Leads bool
	// Own: the answer is the response that the caller's own fetch returned. Its
	// content is Body.
	Own bool
	// Outcome is final.
	Outcome Outcome
}

// seeker is a request on its way to an answer.
type seeker struct {
	request  *Request
	decision Decision
	key      string
	alone    bool
}

// Do answers a request that Begin decided to fetch, from a fetch of its own or
// one that is under way. It returns when the header is known. Errors are those of
// fetch, or the context's cause; a stale response stands in for the former where
// it may.
func (c *Cache) Do(ctx context.Context, r *Request, d Decision, fetch FetchFunc) (*Answer, error) {
	s := &seeker{request: r, decision: d, key: d.place.url}
	s.alone = r.Method != "GET" || c.passes.has(passKey(r, s.key))
	if d.latest != nil {
		s.key = flightKey(d.place.url, d.latest.variant.names, r.Header)
	}
	for joins := 1; ; joins++ {
		s.alone = s.alone || joins > maxJoins
		if answer, err := c.seek(ctx, s, fetch); answer != nil || err != nil {
			return answer, err
		}
	}
}

// seek waits for one flight. It gives neither an answer nor an error where the
// flight is not for this request.
func (c *Cache) seek(ctx context.Context, s *seeker, fetch FetchFunc) (*Answer, error) {
	f, r, leads, err := c.enter(ctx, s, fetch)
	if err != nil {
		return nil, err
	}
	if f == nil {
		return c.lookAgain(s), nil
	}
	select {
	case <-f.ready:
	case <-ctx.Done():
		f.part(r, leads)
		return nil, context.Cause(ctx)
	}
	answer := c.standIn(s, f)
	switch {
	case answer != nil, f.err != nil:
	case f.entry == nil && leads:
		return s.own(ctx, f, r), nil
	case f.entry != nil && (leads || c.suits(f, s)):
		return c.share(s, f, r, leads), nil
	}
	f.part(r, leads)
	if answer != nil {
		return answer, nil
	}
	if f.err != nil {
		return nil, f.err
	}
	return c.again(s, f), nil
}

// enter joins the flight that is open for the request, or begins one. It gives none
// where one has ended, and stored something, since the request was looked up.
func (c *Cache) enter(ctx context.Context, s *seeker, fetch FetchFunc) (f *flight, r *reader, leads bool, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return nil, nil, false, errClosed
	}
	if f := c.open[s.key]; f != nil && !s.alone && !s.decision.reload && c.suits(f, s) {
		if r := f.fill.add(ctx, f); r != nil {
			return f, r, false, nil
		}
	}
	if !s.alone && !s.decision.reload && c.store.since(s.decision.place.url, s.decision.puts) {
		return nil, nil, false, nil
	}
	f = c.newFlight(s)
	r = f.fill.add(ctx, f)
	c.launch(ctx, f, fetch)
	return f, r, true, nil
}

func (c *Cache) newFlight(s *seeker) *flight {
	url := s.decision.place.url
	f := &flight{
		request: s.request, place: s.decision.place, key: s.key, alone: s.alone,
		spare: s.decision.spare != nil, guess: s.decision.latest, stale: s.decision.stale,
		ready: make(chan struct{}), began: c.fences.Generation(), beganAt: c.config.Now(),
	}
	if f.stale != nil {
		// An invalidation since Begin wants another response, not a confirmation.
		if hard, _ := f.stale.covered(c.fences, f.began, s.decision.drops); hard {
			f.stale = nil
		}
	}
	f.fill = newFill(func() { c.filling.Add(-f.reserved) })
	if !s.alone {
		c.open[s.key] = f
	}
	if c.byURL[url] == nil {
		c.byURL[url] = map[*flight]struct{}{}
	}
	c.byURL[url][f] = struct{}{}
	return f
}

func (c *Cache) launch(ctx context.Context, f *flight, fetch FetchFunc) {
	ctx, f.cancel = context.WithCancel(context.WithoutCancel(ctx))
	c.running.Go(func() { c.run(ctx, f, fetch) })
}

// finish makes room for the next flight. It can be called again.
func (c *Cache) finish(f *flight) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if f.finished {
		return
	}
	f.finished = true
	c.close(f)
	flights := c.byURL[f.place.url]
	if delete(flights, f); len(flights) == 0 {
		delete(c.byURL, f.place.url)
	}
}

// close keeps others from joining. mu is held.
func (c *Cache) close(f *flight) {
	if c.open[f.key] == f {
		delete(c.open, f.key)
	}
}

// suits tells whether a flight may answer a request, as far as is known. Who asked
// when the flight had already begun is not answered from it if a fence came in
// between; until the tags are known those stored before are a guess. A flight that
// began while an invalidation settled is for that time only.
func (c *Cache) suits(f *flight, s *seeker) bool {
	var tags []string
	if f.settled() {
		if f.entry == nil || !f.shared || !f.entry.variant.matches(s.request.Header) || !c.stillGood(f.entry, s) {
			return false
		}
		tags = f.entry.tags
	} else if f.guess != nil {
		tags = f.guess.tags
	}
	v := c.fences.judge(f.began, &f.place, tags)
	if f.beganAt.UnixMilli() < v.settleUntil && c.config.Now().UnixMilli() >= v.settleUntil {
		return false
	}
	if s.decision.arrived <= f.began {
		return true
	}
	return !v.fenced() && c.fences.drops.Load() == s.decision.drops // else that fence may have gone
}

// stillGood tells whether an entry on its way, which may have been so for long, may
// answer a request as it could from the store.
func (c *Cache) stillGood(e *Entry, s *seeker) bool {
	now := c.config.Now()
	return c.mayShare(e) && !s.decision.demands(e, now, e.freshness.staleness(now, e.freshness.lifetime, 0))
}

// again prepares the next attempt after a flight that was not for this request.
func (c *Cache) again(s *seeker, f *flight) *Answer {
	if f.entry == nil {
		s.alone = true
		return nil
	}
	s.key = flightKey(f.place.url, f.entry.variant.names, s.request.Header)
	s.alone = s.alone || c.passes.has(passKey(s.request, f.place.url))
	return c.lookAgain(s)
}

// lookAgain gives the answer that was stored since the request was looked up, nil
// where the origin has to be asked all the same.
func (c *Cache) lookAgain(s *seeker) *Answer {
	next := s.decision
	next.arrived, next.drops = c.fences.Generation(), c.fences.drops.Load()
	c.lookUp(s.request, &next)
	if next.Action != Serve || next.Entry == s.decision.stale { // the one to refresh is no answer
		s.decision.stale, s.decision.spare, s.decision.puts = next.stale, next.spare, next.puts
		return nil
	}
	if next.Refresh {
		next.EndRefresh()
	}
	return c.stored(next.Entry, next.Outcome)
}

// standIn gives the stale response that may be used instead of an error.
func (c *Cache) standIn(s *seeker, f *flight) *Answer {
	e := s.decision.spare
	if e == nil || f.err == nil && !serverError(f.status) {
		return nil
	}
	hard, softAt := e.covered(c.fences, c.fences.Generation(), s.decision.drops)
	stale := e.freshness.staleness(c.config.Now(), e.freshness.lifetime, softAt)
	if hard || e.freshness.validate || stale >= e.freshness.onError {
		return nil
	}
	if e = c.store.load(e); e == nil {
		return nil
	}
	return c.stored(e, Outcome{Reason: Stale, Status: f.status, TTL: remaining(stale), HasTTL: true})
}
