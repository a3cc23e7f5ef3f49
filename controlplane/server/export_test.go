package server

import (
	"github.com/ringcast/ringcast/controlplane"
	"github.com/ringcast/ringcast/controlplane/eventlog"
	"github.com/ringcast/ringcast/internal/listen"
)

// Publish puts units before the readers as the log does, without the log.
func (s *Server) Publish(units []controlplane.Unit) { s.publish(units) }

// WrapLog puts another log before the one that is appended to, of a server that
// does not run yet.
func (s *Server) WrapLog(wrap func(eventlog.Log) eventlog.Log) { s.appends.Log = wrap(s.appends.Log) }

// Addresses are all on which an open server listens.
func (s *Server) Addresses() []string {
	return append(listen.Addresses(s.httpListener), listen.Addresses(s.grpcListener)...)
}
