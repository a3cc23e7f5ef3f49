package upstream

import (
	"context"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"

	"github.com/ringcast/ringcast/edgeproxy/cache"
)

// maxHosts bounds for how many hosts a path is preloaded: each makes a fetch.
const maxHosts = 8

// place is a host, as clients name it, and the scheme by which they do.
type place struct{ scheme, host string }

// hosts are those for which clients had something stored, the latest first.
type hosts struct {
	mu     sync.Mutex // guards places
	places []place
}

func (l *hosts) add(scheme, host string) {
	p := place{scheme, strings.ToLower(host)}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.places = slices.DeleteFunc(l.places, func(known place) bool { return known == p })
	l.places = slices.Insert(l.places, 0, p)
	l.places = l.places[:min(len(l.places), maxHosts)]
}

func (l *hosts) list() []place {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Clone(l.places)
}

// Preload fetches a route unless what is stored for it is fresh, or about to be, and
// gives the outcome for each host that the route stands for. A path stands for the hosts for
// which clients last had something stored, and until there is one for those of the
// configuration; an absolute URL for its own, whatever its scheme: that is the one
// by which those clients came, http where there were none. Who asks is no client: there are no fields by which a response could vary. The request goes to
// the edge's own origin.
//
// An outcome with the Status 0 that is no hit is of a fetch that brought no whole
// answer. There is no outcome for what is no route.
func (h *Handler) Preload(ctx context.Context, route string) []cache.Outcome {
	var outcomes []cache.Outcome
	u, places := h.targets(route)
	for _, p := range places {
		outcomes = append(outcomes, h.preload(ctx, p, u))
	}
	return outcomes
}

// targets gives what to ask for, and of which hosts.
func (h *Handler) targets(route string) (*url.URL, []place) {
	known := h.hosts.list()
	if strings.HasPrefix(route, "/") {
		u, err := url.ParseRequestURI(route) // where "//" begins a path, too
		if err != nil {
			return nil, nil
		}
		if len(known) == 0 {
			known = plain(h.config.Hosts...)
		}
		return u, known
	}
	u, err := url.Parse(route)
	if err != nil || (u.Scheme != "http" && u.Scheme != "https") || u.Hostname() == "" {
		return nil, nil
	}
	known = slices.DeleteFunc(known, func(p place) bool { return p.host != strings.ToLower(u.Host) })
	if len(known) == 0 {
		known = plain(u.Host)
	}
	return u, known
}

// plain gives hosts of which nobody has asked as clients name them that come without
// a proxy.
func plain(hosts ...string) (places []place) {
	for _, host := range hosts {
		places = append(places, place{"http", host})
	}
	return places
}

func (h *Handler) preload(ctx context.Context, p place, u *url.URL) cache.Outcome {
	ctx, cancel := context.WithTimeout(ctx, refreshTimeout)
	defer cancel()
	r := (&http.Request{
		Method: http.MethodGet, URL: u, Host: p.host, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header: http.Header{}, Body: http.NoBody,
	}).WithContext(ctx)
	who := h.nobody()
	who.client.Scheme = p.scheme
	d := h.cache.Begin(view(r, who))
	switch {
	case d.Action != cache.Serve:
		return h.background(r, who, d)
	case d.Refresh:
		defer d.EndRefresh()
		return h.background(r, who, d.ForRefresh())
	}
	return d.Outcome
}
