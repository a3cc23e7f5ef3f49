package server

import "time"

// staleness is for how long the log has not been known to have had nothing new. It is
// not known where that never was, or where the clock has been set back since.
func (s *Server) staleness() (d time.Duration, known bool) {
	vouched := s.follower.Status().Vouched
	d = time.Since(vouched)
	return d, !vouched.IsZero() && d >= 0
}

// isStale tells whether that is too long, or not known. A log that is being listened to
// may be silent for as long as it said.
func (s *Server) isStale() bool {
	if s.MaxStaleness == 0 {
		return false
	}
	d, known := s.staleness()
	return !known || d > max(s.MaxStaleness, s.follower.Status().Silence)
}

// refusesStale tells whether every request is refused for it. Without the flags this
// costs a request nothing.
func (s *Server) refusesStale() bool { return s.OnStale == staleDeny && s.isStale() }
