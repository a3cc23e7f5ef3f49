package api

import (
	"net"
	"net/http"
	"net/netip"
	"slices"
	"strings"

	"google.golang.org/grpc/codes"
)

// Reasons of a Guard's refusals.
const (
	reasonHost        = "HOST_NOT_ALLOWED"
	reasonCrossOrigin = "CROSS_ORIGIN"
)

// Guard protects an HTTP listener that asks for no credentials from the web
// pages that a person on this machine looks at. A page of another origin may
// not change anything (it could post to localhost), and a page's name that is
// made to resolve to this machine (DNS rebinding) does not open it.
type Guard struct {
	// Hosts may stand in the Host header besides localhost and the loopback
	// addresses: names or addresses, without a port.
	Hosts []string
	// AnyHost leaves the Host header unchecked, for a listener whose names are
	// not known.
	AnyHost bool
}

// Wrap returns a handler that refuses in JSON, or else calls next.
func (g Guard) Wrap(next http.Handler) http.Handler {
	protection := http.NewCrossOriginProtection()
	protection.SetDenyHandler(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		refuse(http.StatusForbidden, codes.PermissionDenied, reasonCrossOrigin,
			"a web page of another origin may not make this request").write(w)
	}))
	protected := protection.Handler(next)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !g.AnyHost && !g.allows(r.Host) {
			refuse(http.StatusMisdirectedRequest, codes.PermissionDenied, reasonHost,
				"this listener does not go by the name in the Host header; use localhost or the address that it listens on").write(w)
			return
		}
		protected.ServeHTTP(w, r)
	})
}

func (g Guard) allows(hostport string) bool {
	host := hostName(hostport)
	if host == "localhost" || slices.ContainsFunc(g.Hosts, func(h string) bool { return hostName(h) == host }) {
		return true
	}
	addr, err := netip.ParseAddr(host)
	return err == nil && addr.Unmap().IsLoopback()
}

// hostName is the host of a Host header (RFC 9110, section 7.2) in a form that
// compares: without port, brackets and the final dot, in lower case.
func hostName(hostport string) string {
	host := hostport
	if h, _, err := net.SplitHostPort(hostport); err == nil {
		host = h
	}
	host = strings.TrimSuffix(strings.TrimPrefix(host, "["), "]")
	return strings.ToLower(strings.TrimSuffix(host, "."))
}
