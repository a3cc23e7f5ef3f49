package follow

import (
	"context"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/ringcast/ringcast/internal/sse"
	"github.com/ringcast/ringcast/internal/wire"
)

const (
	// maxRefusal bounds how much of a refusal's body is quoted in the log.
	maxRefusal = 512
	// queued is how many decoded units may wait to be put in force. It bounds
	// the memory of a replay, to some 30 MB of bans, and keeps the stream flowing
	// while a large batch is written.
	queued = 1 << 17
)

// connect follows one stream to its end. synced says whether it got level.
func (f *Follower) connect(ctx context.Context, server *url.URL) (synced bool, err error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	body, err := f.request(ctx, server)
	if err != nil {
		return false, err
	}
	defer body.Close()
	f.connected(server)
	defer f.disconnected()

	items := make(chan item, queued)
	idle := sse.NewIdleReader(body, wire.FirstSilence, cancel)
	presented, _ := f.state.Cursor()
	reader := &reader{ctx: ctx, idle: idle, items: items, unknown: f.countUnknown, expect: f.expect, presented: presented.Epoch}
	applier := &applier{follower: f, ctx: ctx}
	var both errgroup.Group
	both.Go(func() error {
		defer close(items)
		return reader.run()
	})
	both.Go(func() error {
		defer func() { // whichever ends first ends the other
			cancel()
			body.Close()
		}()
		return applier.run(items)
	})
	err = both.Wait()
	if applier.err != nil {
		err = applier.err
	}
	return applier.synced, err
}

// request opens the stream at the committed cursor.
func (f *Follower) request(ctx context.Context, server *url.URL) (io.ReadCloser, error) {
	target := server.JoinPath(wire.EventsPath)
	target.RawQuery = url.Values{
		wire.QueryNode: {f.cfg.Node}, wire.QueryInstance: {f.state.Instance()},
	}.Encode()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, target.String(), nil)
	if err != nil {
		return nil, fmt.Errorf("open stream: %w", err)
	}
	req.Header.Set("Accept", wire.StreamMediaType)
	req.Header.Set("Cache-Control", "no-cache")
	if cursor, ok := f.state.Cursor(); ok {
		req.Header.Set(wire.LastEventIDHeader, cursor.String())
	}
	resp, err := f.client.Do(req)
	if err != nil {
		return nil, fmt.Errorf("open stream: %w", err)
	}
	if err := checkAnswer(resp); err != nil {
		return nil, errors.Join(fmt.Errorf("open stream: %w", err), resp.Body.Close())
	}
	return resp.Body, nil
}

func checkAnswer(resp *http.Response) error {
	if resp.StatusCode != http.StatusOK {
		if seconds, err := strconv.ParseUint(resp.Header.Get("Retry-After"), 10, 16); err == nil {
			return &busyError{status: resp.StatusCode, after: time.Duration(seconds) * time.Second}
		}
		quote, _ := io.ReadAll(io.LimitReader(resp.Body, maxRefusal)) // the status says enough
		return fmt.Errorf("server answers %s: %q", resp.Status, quote)
	}
	mediaType, _, err := mime.ParseMediaType(resp.Header.Get("Content-Type"))
	if err != nil || mediaType != wire.StreamMediaType {
		return fmt.Errorf("server answers with %q, not with a stream", resp.Header.Get("Content-Type"))
	}
	return nil
}
