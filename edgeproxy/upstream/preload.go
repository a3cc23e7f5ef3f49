package upstream

import (
	"context"
	"net/http"
	"net/url"
	"strings"

	"github.com/ringcast/ringcast/edgeproxy/cache"
)

// Preload fetches a route unless what is stored for it is fresh, or about to be, and
// gives the outcome for each host that the route stands for. A path stands for the
// hosts for which clients had something stored most often, and until there are any
// for those of the configuration; an absolute URL for its own, by the scheme by which clients come, whichever
// it names. Who asks is no client: there are no fields by which a response could
// vary. The request goes to the edge's own origin.
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
	if strings.HasPrefix(route, "/") {
		u, err := url.ParseRequestURI(route) // where "//" begins a path, too
		if err != nil {
			return nil, nil
		}
		return u, h.hosts.list(h.config.Hosts)
	}
	u, err := url.Parse(route)
	if err != nil || (u.Scheme != "http" && u.Scheme != "https") || u.Hostname() == "" || !cache.ValidHost(u.Host) {
		return nil, nil
	}
	return u, h.hosts.schemes(cache.CanonicalHost(u.Scheme, u.Host))
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
