package api

import (
	"context"
	"fmt"
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/ringcast/ringcast/controlplane"
	"github.com/ringcast/ringcast/controlplane/eventlog"
	"github.com/ringcast/ringcast/internal/wire"
)

// defaultPageSize is that of a request which leaves it open. The largest is in
// the proto's rules.
const defaultPageSize = 100

// pageRequest is the request of every list.
type pageRequest interface {
	GetPageSize() int32
	GetPageToken() string
}

// list reads a page of the live entities that begin with prefix, and the token
// of the next one; it is empty on the last.
func list[M any](ctx context.Context, log eventlog.Log, prefix string, req pageRequest, message func(controlplane.Event) (M, error)) (page []M, next string, err error) {
	head, err := log.Head(ctx)
	if err != nil {
		return nil, "", fmt.Errorf("read head: %w", err)
	}
	tokens := pageTokens{epoch: head.Epoch, prefix: prefix}
	after, err := tokens.parse(req.GetPageToken())
	if err != nil {
		return nil, "", err
	}
	size := int(req.GetPageSize())
	if size == 0 {
		size = defaultPageSize
	}
	// One more than the page tells whether there is another.
	entries, err := log.List(ctx, prefix, after, size+1)
	if err != nil {
		return nil, "", fmt.Errorf("list: %w", err)
	}
	if len(entries) > size {
		entries = entries[:size]
		next = tokens.format(entries[size-1].Entity)
	}
	for _, entry := range entries {
		m, err := message(entry.Event)
		if err != nil {
			return nil, "", err
		}
		page = append(page, m)
	}
	return page, next, nil
}

// firstLive gives the first of some entities that is live at now; nil: none is.
func firstLive[M any](ctx context.Context, log eventlog.Log, now time.Time, entities []string, message func(controlplane.Event) (*M, error)) (*M, error) {
	events, err := log.Latest(ctx, entities...)
	if err != nil {
		return nil, fmt.Errorf("read entities: %w", err)
	}
	for _, event := range events {
		if event.Live(now) {
			return message(event)
		}
	}
	return nil, nil
}

// decode reads an event whose type is known. Errors wrap wire.ErrUndecodable.
func decode[T any](event controlplane.Event) (*T, error) {
	decoded, err := wire.Decode(event.Type, event.Data)
	if err != nil {
		return nil, fmt.Errorf("decode event %d: %w", event.Position, err)
	}
	v, ok := decoded.(*T)
	if !ok {
		return nil, fmt.Errorf("decode event %d: %w: its type is %s", event.Position, wire.ErrUndecodable, event.Type)
	}
	return v, nil
}

func timestampOf(t time.Time) *timestamppb.Timestamp {
	if t.IsZero() {
		return nil
	}
	return timestamppb.New(t)
}
