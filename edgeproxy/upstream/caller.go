package upstream

import (
	"net/http"
	"net/netip"
	"strings"

	"github.com/ringcast/ringcast/edgeproxy/client"
)

// caller is who makes a request, as the gates know it. It is passed on to what is
// done in the background for the same request.
type caller struct {
	client client.Client
	// identity is the name of the field for subject, identityKey the same in the form
	// in which names are compared. Both are empty where there is none.
	identity, identityKey string
	// subject is in the form that is sent, "" for a request without.
	subject string
}

// connected is who has the connection.
func connected(r *http.Request) client.Client {
	addr, _ := netip.ParseAddrPort(r.RemoteAddr) // not valid for what is no socket
	return client.Direct(addr.Addr())
}

func (h *Handler) caller(r *http.Request) *caller {
	who := h.nobody()
	who.client = h.config.Client(r)
	if who.identity != "" {
		who.subject = EncodeSubject(h.config.Identity(r))
	}
	return who
}

// nobody is who preloads.
func (h *Handler) nobody() *caller {
	return &caller{identity: h.config.IdentityHeader, identityKey: h.identityKey}
}

// tell puts what the edge knows of a request into what the origin gets.
func (c *caller) tell(h http.Header, host, scheme string) {
	if chain := c.client.ForwardedFor(); chain != "" {
		h["X-Forwarded-For"] = []string{chain}
	}
	h["X-Forwarded-Host"] = []string{host}
	h["X-Forwarded-Proto"] = []string{scheme}
	if c.subject != "" {
		h[c.identity] = []string{c.subject}
	}
}

// fields are those of a request as the origin gets them. The cache tells variants
// apart by them, and a client must not choose another's.
type fields struct {
	http.Header
	who *caller
}

// Values implements cache.Fields.
func (f fields) Values(name string) []string {
	switch {
	case isUnkeyed(name), strings.Contains(name, "_"):
		return nil
	case f.who.identityKey == "" || !isTwin(name, f.who.identityKey):
		return f.Header.Values(name)
	case f.who.subject != "" && http.CanonicalHeaderKey(name) == f.who.identity:
		return []string{f.who.subject}
	}
	return nil
}
