package server

import (
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
)

// anyOrigin among Config.CORSOrigin stands for the pages of every site.
const anyOrigin = "*"

// checkOrigins refuses what no browser sends as an Origin (RFC 6454, section 6.2).
func checkOrigins(origins []string) error {
	for _, origin := range origins {
		if origin == anyOrigin {
			continue
		}
		u, err := url.Parse(origin)
		if err != nil || u.Scheme == "" || u.Host == "" || origin != strings.ToLower(u.Scheme+"://"+u.Host) {
			return fmt.Errorf("--cors-origin is %q; it is an origin in lower case, such as https://www.example.com, or *", origin)
		}
	}
	return nil
}

// withCORS lets pages of other origins read what next answers (WHATWG Fetch, section
// 3.3). An EventSource makes no preflight, so there is none to answer.
func withCORS(origins []string, next http.Handler) http.Handler {
	if len(origins) == 0 {
		return next
	}
	every := slices.Contains(origins, anyOrigin)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		origin := r.Header.Get("Origin")
		switch {
		case every:
			w.Header().Set("Access-Control-Allow-Origin", anyOrigin)
		default:
			w.Header().Add("Vary", "Origin")
			if slices.Contains(origins, origin) {
				w.Header().Set("Access-Control-Allow-Origin", origin)
			}
		}
		next.ServeHTTP(w, r)
	})
}
