package server

import (
	"context"
	"net"
	"net/http"
	"net/netip"

	"github.com/ringcast/ringcast/edgeproxy/client"
)

// visit is what the gate found out about a request.
type visit struct {
	client  client.Client
	subject string // verified, "" for none
}

// peerKey and visitKey are where a connection's context has the peer's address and a
// request's what differs from that.
type (
	peerKey  struct{}
	visitKey struct{}
)

// withPeer keeps a connection's address for its requests, which would have to parse it
// from text each.
func withPeer(ctx context.Context, conn net.Conn) context.Context {
	if addr, ok := conn.RemoteAddr().(*net.TCPAddr); ok {
		return context.WithValue(ctx, peerKey{}, addr.AddrPort().Addr())
	}
	return ctx
}

// peerOf is not valid where the connection has no address.
func peerOf(r *http.Request) netip.Addr {
	peer, _ := r.Context().Value(peerKey{}).(netip.Addr)
	return peer
}

// noted gives the request with what the gate found out. Most have nothing that the
// connection does not tell.
func (v *visit) noted(r *http.Request) *http.Request {
	if !v.client.Trusted && v.subject == "" {
		return r
	}
	return r.WithContext(context.WithValue(r.Context(), visitKey{}, v))
}

func clientOf(r *http.Request) client.Client {
	if v, ok := r.Context().Value(visitKey{}).(*visit); ok {
		return v.client
	}
	return client.Direct(peerOf(r))
}

func subjectOf(r *http.Request) string {
	if v, ok := r.Context().Value(visitKey{}).(*visit); ok {
		return v.subject
	}
	return ""
}
