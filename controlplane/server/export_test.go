package server

import "github.com/ringcast/ringcast/controlplane"

// Publish puts units before the readers as the log does, without the log.
func (s *Server) Publish(units []controlplane.Unit) { s.publish(units) }
