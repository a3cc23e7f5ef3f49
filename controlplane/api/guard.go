package api

import (
	"net/http"

	"github.com/ringcast/ringcast/internal/listen"
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
	// Hosts are those of the listener.
	Hosts listen.Hosts
}

// Wrap returns a handler that refuses in JSON, or else calls next.
func (g Guard) Wrap(next http.Handler) http.Handler {
	protection := http.NewCrossOriginProtection()
	protection.SetDenyHandler(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		Refuse(w, http.StatusForbidden, reasonCrossOrigin, "a web page of another origin may not make this request")
	}))
	protected := protection.Handler(next)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !g.Hosts.Allow(r.Host) {
			Refuse(w, http.StatusMisdirectedRequest, reasonHost,
				"this listener does not go by the name in the Host header; use localhost or the address that it listens on")
			return
		}
		protected.ServeHTTP(w, r)
	})
}
