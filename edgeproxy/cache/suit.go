package cache

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
