package cache

import (
	"context"
	"errors"
)

// maxJoins bounds how often a request waits for fetches that turn out not to be
// for it, before it makes one of its own.
const maxJoins = 3

var errClosed = errors.New("cache is closed")

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
	c.runners.run(func() { c.run(ctx, f, fetch) })
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
