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

// hosts are those for which clients had something stored, the latest first.
type hosts struct {
	mu    sync.Mutex // guards names
	names []string
}

func (l *hosts) add(name string) {
	name = strings.ToLower(name)
	l.mu.Lock()
	defer l.mu.Unlock()
	l.names = slices.DeleteFunc(l.names, func(known string) bool { return known == name })
	l.names = slices.Insert(l.names, 0, name)
	l.names = l.names[:min(len(l.names), maxHosts)]
}

func (l *hosts) list() []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Clone(l.names)
}

// Preload fetches a route unless what is stored for it is fresh, or about to be, and
// gives the outcome for each host that the route stands for. A path stands for the hosts for
// which clients last had something stored, and until there is one for those of the
// configuration; an absolute URL for its own, whatever its scheme. Who asks is no
// client: there are no fields by which a response could vary. The request goes to
// the edge's own origin.
//
// An outcome with the Status 0 that is no hit is of a fetch that brought no whole
// answer. There is no outcome for what is no route.
func (h *Handler) Preload(ctx context.Context, route string) []cache.Outcome {
	var outcomes []cache.Outcome
	u, names := h.targets(route)
	for _, name := range names {
		outcomes = append(outcomes, h.preload(ctx, name, u))
	}
	return outcomes
}

// targets gives what to ask for, and of which hosts.
func (h *Handler) targets(route string) (*url.URL, []string) {
	if strings.HasPrefix(route, "/") {
		u, err := url.ParseRequestURI(route) // where "//" begins a path, too
		if err != nil {
			return nil, nil
		}
		if names := h.hosts.list(); len(names) > 0 {
			return u, names
		}
		return u, h.config.Hosts
	}
	u, err := url.Parse(route)
	if err != nil || (u.Scheme != "http" && u.Scheme != "https") || u.Hostname() == "" {
		return nil, nil
	}
	return u, []string{u.Host}
}

func (h *Handler) preload(ctx context.Context, host string, u *url.URL) cache.Outcome {
	ctx, cancel := context.WithTimeout(ctx, refreshTimeout)
	defer cancel()
	r := (&http.Request{
		Method: http.MethodGet, URL: u, Host: host, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header: http.Header{}, Body: http.NoBody,
	}).WithContext(ctx)
	d := h.cache.Begin(h.view(r))
	switch {
	case d.Action != cache.Serve:
		return h.background(r, d)
	case d.Refresh:
		defer d.EndRefresh()
		return h.background(r, d.ForRefresh())
	}
	return d.Outcome
}
