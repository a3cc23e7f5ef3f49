package stream

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/ringcast/ringcast/controlplane"
	"github.com/ringcast/ringcast/controlplane/filter"
	"github.com/ringcast/ringcast/controlplane/ring"
	"github.com/ringcast/ringcast/internal/wire"
)

// subscription is what a reader asks for.
type subscription struct {
	// cursor is the last that the reader has, where resume is set.
	cursor wire.Cursor
	resume bool
	// latest asks for the stream from now on.
	latest bool
	// once ends the stream at the head.
	once     bool
	node     string
	instance string
	audience controlplane.Audience
	// filter picks of what the audience hears; nil: all of it.
	filter *filter.Filter
}

func (s subscription) kind() string {
	if s.audience == controlplane.Edges {
		return "edge"
	}
	return "subscriber"
}

// The reasons of a 400.
const (
	reasonLastEventID = "INVALID_LAST_EVENT_ID"
	reasonParameter   = "INVALID_PARAMETER"
)

// invalid is what is wrong with a request for a stream.
type invalid struct{ reason, sentence string }

func parameter(format string, args ...any) *invalid {
	return &invalid{reasonParameter, fmt.Sprintf(format, args...)}
}

// parseSubscription reads a request, or says what is wrong with it.
func parseSubscription(r *http.Request) (subscription, *invalid) {
	query, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil {
		return subscription{}, parameter("the query is malformed")
	}
	sub := subscription{
		node: query.Get(wire.QueryNode), instance: query.Get(wire.QueryInstance),
		audience: controlplane.Subscribers,
	}
	for _, name := range []string{wire.QueryNode, wire.QueryInstance} {
		if !isIdentity(query.Get(name)) {
			return subscription{}, parameter("%s is at most %d bytes of text", name, maxIdentity)
		}
	}
	if strings.Contains(sub.node, "/") {
		return subscription{}, parameter("%s has a /, which no edge's name has", wire.QueryNode)
	}
	if sub.node != "" {
		sub.audience = controlplane.Edges
	}
	if invalid := sub.parseFilter(query); invalid != nil {
		return subscription{}, invalid
	}
	switch follow := query.Get(wire.QueryFollow); follow {
	case "", "true":
	case "false":
		sub.once = true
	default:
		return subscription{}, parameter("%s is true or false, not %.32q", wire.QueryFollow, follow)
	}
	return sub, sub.parseCursor(r.Header.Get(wire.LastEventIDHeader), query.Get(wire.QueryLastEventID))
}

// parseFilter reads what the reader wants to hear. An edge has to hear all.
func (s *subscription) parseFilter(query url.Values) *invalid {
	var err error
	switch s.filter, err = filter.Parse(query); {
	case err != nil:
		return parameter("%v", err)
	case s.filter == nil:
		return nil
	case s.audience == controlplane.Edges:
		return parameter("an edge, which is whoever gives %s, has to hear everything and takes no filter", wire.QueryNode)
	}
	s.audience = ring.Filtered
	return nil
}

// parseCursor reads where to begin; the header wins.
func (s *subscription) parseCursor(header, query string) *invalid {
	id, source := header, wire.LastEventIDHeader
	if id == "" {
		id, source = query, wire.QueryLastEventID
	}
	switch id {
	case "":
		return nil
	case wire.Latest:
		s.latest = true
		return nil
	}
	var err error
	if s.cursor, err = wire.ParseCursor(id); err != nil {
		return &invalid{reasonLastEventID, fmt.Sprintf("%s: %v", source, err)}
	}
	if s.cursor.Epoch == "" && s.audience == controlplane.Edges {
		return &invalid{reasonLastEventID, source + ": an edge gives the epoch with its position"}
	}
	s.resume = true
	return nil
}

func isIdentity(value string) bool {
	return len(value) <= maxIdentity && utf8.ValidString(value) && !strings.ContainsFunc(value, unicode.IsControl)
}
