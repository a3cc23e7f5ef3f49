package server

import (
	"net/http"
	"net/url"

	"github.com/ringcast/ringcast/edgeproxy/upstream"
)

// originalURI is the field in which another proxy says what it was asked for. nginx
// does not set it by itself.
const originalURI = "X-Original-Uri"

// unknownPath gets the strictest mode: no path begins like it. An empty one would be
// taken for that of the root.
const unknownPath = "?"

// Refusals of a question that is no client's.
var (
	peerNotTrusted = &refusal{status: http.StatusBadRequest, Error: "peer_not_trusted"}
	clientUnknown  = &refusal{status: http.StatusBadRequest, Error: "client_unknown"}
)

// serveCheck answers another proxy, such as nginx by auth_request, whether a request
// that it got may pass: 204, or what the gate answers. Address and token are in the
// fields that it sends, path and query in X-Original-URI; where that is missing the
// strictest of the paths' modes counts. Only a trusted proxy may ask, and for others
// than itself: else whoever asks would be let in by its own address. That is no 401 or
// 403, which would be taken for an answer about the client.
func (s *Server) serveCheck(w http.ResponseWriter, r *http.Request) {
	peer := peerOf(r)
	if !s.clients.Trusts(peer) {
		s.gate.refuse(w, peerNotTrusted)
		return
	}
	visit, refused := s.gate.admit(r, peer, originalPath(r))
	if refused == nil && s.clients.Trusts(visit.client.Addr) {
		refused = clientUnknown
	}
	if refused != nil {
		s.gate.refuse(w, refused)
		return
	}
	s.metrics.passed.Inc()
	if s.identity != "" && visit.subject != "" {
		w.Header().Set(s.identity, upstream.EncodeSubject(visit.subject))
	}
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(http.StatusNoContent)
}

// originalPath is escaped, and unknownPath where the proxy does not say one that can
// be read.
func originalPath(r *http.Request) string {
	values := r.Header[originalURI]
	if len(values) != 1 {
		return unknownPath
	}
	u, err := url.ParseRequestURI(values[0])
	if err != nil {
		return unknownPath
	}
	return u.EscapedPath()
}
