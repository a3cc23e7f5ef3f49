package server

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/netip"

	"github.com/ringcast/ringcast/edgeproxy/deny"
	"github.com/ringcast/ringcast/edgeproxy/token"
)

// gate is everything that decides whether a request may pass.
type gate struct {
	deny    *deny.List
	next    http.Handler
	metrics *metrics
	log     *slog.Logger
}

// clientKey is where a connection's context has the client's address.
type clientKey struct{}

// withClient keeps a connection's address for its requests, which would have to
// parse it from text each.
func withClient(ctx context.Context, conn net.Conn) context.Context {
	if addr, ok := conn.RemoteAddr().(*net.TCPAddr); ok {
		return context.WithValue(ctx, clientKey{}, addr.AddrPort().Addr())
	}
	return ctx
}

// clientOf is not valid where the connection has no address.
func clientOf(r *http.Request) netip.Addr {
	client, _ := r.Context().Value(clientKey{}).(netip.Addr)
	return client
}

// refusal is an answer that ends a request at the gate.
type refusal struct {
	status    int
	Error     string  `json:"error"`
	Reason    *string `json:"reason,omitempty"` // always there for ip_banned
	challenge string  // WWW-Authenticate (RFC 9110, section 11.6.1)
}

// The refusals without a reason of their own.
var (
	stateUnavailable = &refusal{status: http.StatusServiceUnavailable, Error: "state_unavailable"}
	tokenRevoked     = &refusal{
		status: http.StatusUnauthorized, Error: "token_revoked",
		challenge: `Bearer error="invalid_token", error_description="The token was revoked"`, // RFC 6750, section 3
	}
)

// ServeHTTP is the order of a request: client address, ban, token, and then the
// cache and the origin.
func (g *gate) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	refused := g.checkAddress(r)
	if refused == nil {
		refused = g.checkToken(r)
	}
	if refused != nil {
		g.refuse(w, refused)
		return
	}
	g.metrics.passed.Inc()
	g.next.ServeHTTP(w, r)
}

func (g *gate) checkAddress(r *http.Request) *refusal {
	client := clientOf(r)
	if !client.IsValid() {
		g.log.Error("a client has no address", "remote", r.RemoteAddr)
		return stateUnavailable
	}
	ban, banned, err := g.deny.Check(client)
	if err != nil {
		g.log.Error("bans cannot be read; the request is refused", "error", err)
		return stateUnavailable
	}
	if !banned {
		return nil
	}
	return &refusal{status: http.StatusForbidden, Error: "ip_banned", Reason: &ban.Reason}
}

// checkToken refuses what is revoked. It does not verify the token: that is the
// origin's business.
func (g *gate) checkToken(r *http.Request) *refusal {
	for _, value := range r.Header["Authorization"] {
		claims, ok := token.Read(value)
		if !ok {
			continue
		}
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

func (g *gate) refuse(w http.ResponseWriter, refused *refusal) {
	g.metrics.refused.WithLabelValues(refused.Error).Inc()
	body, err := json.Marshal(refused)
	if err != nil {
		panic(fmt.Sprintf("server: encode refusal: %v", err))
	}
	h := w.Header()
	h.Set("Content-Type", "application/json")
	h.Set("Cache-Control", "no-store")
	if refused.challenge != "" {
		h.Set("WWW-Authenticate", refused.challenge)
	}
	w.WriteHeader(refused.status)
	_, _ = w.Write(body) // the client may have gone
}
