package controlplane

import (
	"net/url"
	"strings"
	"time"

	"github.com/ringcast/ringcast/internal/wire"
)

// Preload hints that responses will be wanted.
type Preload struct {
	// Routes are paths, with a query or without, or absolute URLs.
	Routes []string
}

// NewPreload checks routes and drops repeats. Errors are of kind Invalid.
func NewPreload(p Preload) (Preload, error) {
	if len(p.Routes) == 0 {
		return Preload{}, Errorf(Invalid, ReasonNothingSelected, "name routes to preload")
	}
	size := 0
	for _, route := range p.Routes {
		if err := checkRoute(route); err != nil {
			return Preload{}, err
		}
		size += len(route)
	}
	if size > MaxSelectionBytes {
		return Preload{}, Errorf(Invalid, ReasonSelectionTooLarge, "routes have %d bytes together; the limit is %d: send several requests", size, MaxSelectionBytes)
	}
	return Preload{distinct(p.Routes)}, nil
}

// checkRoute refuses what no request can ask for, and patterns.
func checkRoute(route string) error {
	switch {
	case route == "":
		return Errorf(Invalid, ReasonInvalidRoute, "a route is empty")
	case len(route) > MaxKeyBytes:
		return Errorf(Invalid, ReasonInvalidRoute, "a route has %d bytes; the limit is %d", len(route), MaxKeyBytes)
	case !printable(route) || strings.Contains(route, " "):
		return Errorf(Invalid, ReasonInvalidRoute, "route %q has a space or control character or is not UTF-8", route)
	case strings.Contains(route, "*"):
		return Errorf(Invalid, ReasonInvalidRoute, "route %q has a *: a hint names responses, not patterns", route)
	case strings.Contains(route, "#"):
		return Errorf(Invalid, ReasonInvalidRoute, "route %q has a fragment, which no request has", route)
	case !pathOrURL(route):
		return Errorf(Invalid, ReasonInvalidRoute, "route %q is neither a path that begins with / nor an absolute http or https URL", route)
	}
	if _, err := url.ParseRequestURI(route); err != nil {
		return Errorf(Invalid, ReasonInvalidRoute, "route %q has a %% that is not followed by two hexadecimal digits", route)
	}
	return nil
}

// Decide implements Decision.
func (p Preload) Decide(s State) ([]Event, error) {
	now := s.Now()
	eventType, data := wire.Encode(&wire.PreloadHinted{Routes: distinct(p.Routes), Timestamp: now.Unix()})
	return []Event{{Type: eventType, Data: data, Time: now.Truncate(time.Second), Audience: Everyone}}, nil
}
