package server

import (
	"cmp"
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

// admit decides whether a request may pass, in this order: client address, allow list,
// ban, staleness, token. path is escaped.
//
// No batch is seen in part: neither by the checks of the gate, nor, since
// invalidations are in force when they are done, by the cache after them. Hence the
// address is looked at again with the token's revocations. The token itself is
// verified in between: that may wait for keys, and whoever looks holds units up.
func (g *gate) admit(r *http.Request, peer netip.Addr, path string) (v visit, refused *refusal) {
	var err error
	if v.client, err = g.clients.Resolve(peer, r.Header); err != nil {
		return v, forwardedConflict
	}
	g.state.Whole(func() { refused = g.checkAddress(r, v.client.Addr) })
	if refused != nil {
		return v, refused
	}
	if g.stale() {
		return v, stale
	}
	verdict := g.tokens.Check(r.Context(), token.Request{Path: path, Header: r.Header})
	if failure := verdict.Failure(); failure != token.None {
		refused = ofToken(failure)
	} else if len(verdict.Claims) > 0 {
		g.state.Whole(func() { refused = cmp.Or(g.checkAddress(r, v.client.Addr), g.checkRevoked(verdict.Claims)) })
	}
	if refused != nil && refused.status == http.StatusUnauthorized {
		g.failed(v.client.Addr)
	}
	if refused == nil {
		v.subject = verdict.Subject
	}
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

// checkRevoked refuses a token of which one of the claims is revoked.
func (g *gate) checkRevoked(all []token.Claims) *refusal {
	for _, claims := range all {
		_, revoked, err := g.deny.CheckToken(deny.Token(claims))
		if err != nil {
			g.log.Error("revocations cannot be read; the request is refused", "error", err)
			return stateUnavailable
		}
		if revoked {
			return tokenRevoked
		}
	}
	return nil
}
