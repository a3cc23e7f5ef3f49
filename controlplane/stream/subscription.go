package stream

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/ringcast/ringcast/controlplane"
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
}

func (s subscription) kind() string {
	if s.audience == controlplane.Edges {
		return "edge"
	}
	return "subscriber"
}

func parseSubscription(r *http.Request) (subscription, error) {
	query, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil {
		return subscription{}, errors.New("the query is malformed")
	}
	sub := subscription{
		node: query.Get(wire.QueryNode), instance: query.Get(wire.QueryInstance),
		audience: controlplane.Subscribers,
	}
	if err := errors.Join(checkIdentity(wire.QueryNode, sub.node), checkIdentity(wire.QueryInstance, sub.instance)); err != nil {
		return subscription{}, err
	}
	if sub.node != "" {
		sub.audience = controlplane.Edges
	}
	switch follow := query.Get(wire.QueryFollow); follow {
	case "", "true":
	case "false":
		sub.once = true
	default:
		return subscription{}, fmt.Errorf("%s is true or false, not %q", wire.QueryFollow, follow)
	}
	return sub, sub.parseCursor(r.Header.Get(wire.LastEventIDHeader), query.Get(wire.QueryLastEventID))
}

// parseCursor reads where to begin; the header wins.
func (s *subscription) parseCursor(header, query string) (err error) {
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
	if s.cursor, err = wire.ParseCursor(id); err != nil {
		return fmt.Errorf("%s: %w", source, err)
	}
	if s.cursor.Epoch == "" && s.audience == controlplane.Edges {
		return fmt.Errorf("%s: an edge gives the epoch with its position", source)
	}
	s.resume = true
	return nil
}

func checkIdentity(name, value string) error {
	if len(value) > maxIdentity || !utf8.ValidString(value) || strings.ContainsFunc(value, unicode.IsControl) {
		return fmt.Errorf("%s is at most %d bytes of text", name, maxIdentity)
	}
	return nil
}

// codes are the gRPC codes of the refusals, by HTTP status.
var codes = map[int]int{
	http.StatusBadRequest: 3, http.StatusMethodNotAllowed: 12, http.StatusServiceUnavailable: 14,
}

// refuse answers as the REST routes do: with a google.rpc.Status as JSON.
func refuse(w http.ResponseWriter, status int, reason, message string) {
	body, err := json.Marshal(map[string]any{
		"code": codes[status], "message": message,
		"details": []map[string]any{{
			"@type": "type.googleapis.com/google.rpc.ErrorInfo", "reason": reason, "domain": "ringcast",
		}},
	})
	if err != nil {
		panic(fmt.Sprintf("stream: encode refusal: %v", err))
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_, _ = w.Write(body) // the client may have gone
}
