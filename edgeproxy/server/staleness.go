package server

import "time"

// staleness is for how long the log has not been known to have had nothing new, since
// the start if never.
func (s *Server) staleness() time.Duration {
	vouched := s.follower.Status().Vouched
	if vouched.IsZero() {
		vouched = s.started
	}
	return time.Since(vouched)
}

// isStale tells whether that is too long.
func (s *Server) isStale() bool { return s.MaxStaleness > 0 && s.staleness() > s.MaxStaleness }

// refusesStale tells whether every request is refused for it. Without the flags this
// costs a request nothing.
func (s *Server) refusesStale() bool { return s.OnStale == staleDeny && s.isStale() }
