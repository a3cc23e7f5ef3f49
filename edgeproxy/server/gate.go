package server

import (
	"log/slog"
	"net/http"
	"net/netip"

	"github.com/ringcast/ringcast/edgeproxy/client"
	"github.com/ringcast/ringcast/edgeproxy/deny"
	"github.com/ringcast/ringcast/edgeproxy/lane"
	"github.com/ringcast/ringcast/edgeproxy/state"
	"github.com/ringcast/ringcast/edgeproxy/token"
)

// gate is everything that decides whether a request may pass.
type gate struct {
	clients *client.Resolver
	state   *state.State
	deny    *deny.List
	tokens  *token.Verifier
	failed  func(netip.Addr)
	stale   func() bool
	next    lane.Handler
	metrics *metrics
	log     *slog.Logger
}

// Begin implements lane.Handler. It is the order of a request: the gate, and then the
// cache and the origin.
func (g *gate) Begin(w http.ResponseWriter, r *http.Request) (rest http.HandlerFunc) {
	visit, refused := g.admit(r, peerOf(r), r.URL.EscapedPath())
	if refused != nil {
		g.refuse(w, refused)
		return nil
	}
	g.metrics.passed.Inc()
	return g.next.Begin(w, visit.noted(r))
}

// admit decides whether a request may pass. No batch is seen in part: neither by the
// checks of the gate, nor, since invalidations are in force when they are done, by
// the cache after them. path is escaped.
func (g *gate) admit(r *http.Request, peer netip.Addr, path string) (v visit, refused *refusal) {
	g.state.Whole(func() { v, refused = g.decide(r, peer, path) })
	if refused != nil && refused.status == http.StatusUnauthorized {
		g.failed(v.client.Addr)
	}
	return v, refused
}

// decide is the order of the gate: client address, allow list, ban, staleness, token.
func (g *gate) decide(r *http.Request, peer netip.Addr, path string) (v visit, refused *refusal) {
	var err error
	if v.client, err = g.clients.Resolve(peer, r.Header); err != nil {
		return v, forwardedConflict
	}
	if refused = g.checkAddress(r, v.client.Addr); refused != nil {
		return v, refused
	}
	if g.stale() {
		return v, stale
	}
	v.subject, refused = g.checkToken(r, path)
	return v, refused
}

// checkAddress refuses who is banned, unless an allow entry covers the address.
func (g *gate) checkAddress(r *http.Request, addr netip.Addr) *refusal {
	if !addr.IsValid() {
		g.log.Error("a client has no address", "remote", r.RemoteAddr)
		return stateUnavailable
	}
	ban, banned, err := g.deny.Check(addr)
	if err != nil {
		g.log.Error("bans cannot be read; the request is refused", "error", err)
		return stateUnavailable
	}
	if !banned {
		return nil
	}
	return &refusal{status: http.StatusForbidden, Error: "ip_banned", Reason: &ban.Reason}
}

// checkToken gives the verified subject, and refuses a bad token and a revoked one.
func (g *gate) checkToken(r *http.Request, path string) (subject string, refused *refusal) {
	verdict := g.tokens.Check(r.Context(), token.Request{Path: path, Header: r.Header})
	if failure := verdict.Failure(); failure != token.None {
		return "", ofToken(failure)
	}
	for _, claims := range verdict.Claims {
		_, revoked, err := g.deny.CheckToken(deny.Token(claims))
		if err != nil {
			g.log.Error("revocations cannot be read; the request is refused", "error", err)
			return "", stateUnavailable
		}
		if revoked {
			return "", tokenRevoked
		}
	}
	return verdict.Subject, nil
}
