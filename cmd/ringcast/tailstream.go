package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/ringcast/ringcast/internal/sse"
	"github.com/ringcast/ringcast/internal/wire"
)

// maxRefusal bounds how much is read of an answer that is no stream.
const maxRefusal = 64 << 10

// connect follows one connection to its end. The result is nil only where all
// that was asked for has come.
func (t *tailer) connect(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	response, err := get(ctx, t.client, t.target(), t.header())
	if err != nil {
		return &lostError{err: err}
	}
	defer response.Body.Close()
	if err := checkStream(response); err != nil {
		return err
	}
	t.came = true
	idle := sse.NewIdleReader(response.Body, wire.FirstSilence, cancel)
	s := &tailStream{tailer: t, idle: idle, parser: sse.NewParser(idle, sse.Options{})}
	err = s.run()
	if retry, ok := s.parser.Retry(); ok && retry > 0 {
		t.retry = min(retry, maxRetry)
	}
	return err
}

func (t *tailer) target() *url.URL {
	target := *t.server
	query := target.Query()
	if t.last == (wire.Cursor{}) && t.from != "" {
		query.Set(wire.QueryLastEventID, t.from)
	}
	if !t.follow {
		query.Set(wire.QueryFollow, "false")
	}
	target.RawQuery = query.Encode()
	return &target
}

func (t *tailer) header() http.Header {
	header := http.Header{"Accept": {wire.StreamMediaType}}
	if t.last != (wire.Cursor{}) {
		header.Set(wire.LastEventIDHeader, t.last.String())
	}
	return header
}

// checkStream tells a stream from a refusal, and one that may be taken back
// from one that stands.
func checkStream(response *http.Response) error {
	if response.StatusCode == http.StatusOK {
		media, _, err := mime.ParseMediaType(response.Header.Get("Content-Type"))
		if err != nil || media != wire.StreamMediaType {
			return fmt.Errorf("%s is no event stream; check that --http-server is the control plane's HTTP address", response.Request.URL.Redacted())
		}
		return nil
	}
	refused := readRefusal(response)
	switch status := response.StatusCode; {
	case status == http.StatusUnauthorized || status == http.StatusForbidden:
		return &exitCodeError{exitNotAllowed, refused}
	case status == http.StatusTooManyRequests || status >= http.StatusInternalServerError:
		return &lostError{err: refused, after: retryAfter(response)}
	}
	return refused
}

// readRefusal reads an error as the HTTP side of the control plane writes it, or
// makes one of the status.
func readRefusal(response *http.Response) error {
	var body struct {
		Message string                    `json:"message"`
		Details []struct{ Reason string } `json:"details"`
	}
	err := json.NewDecoder(io.LimitReader(response.Body, maxRefusal)).Decode(&body)
	if err != nil || body.Message == "" {
		return &refusedError{sentence: response.Request.URL.Redacted() + " answers " + response.Status}
	}
	refused := &refusedError{sentence: body.Message}
	if len(body.Details) > 0 {
		refused.reason = body.Details[0].Reason
	}
	return refused
}

func retryAfter(response *http.Response) time.Duration {
	seconds, err := strconv.ParseUint(response.Header.Get("Retry-After"), 10, 16)
	if err != nil {
		return 0
	}
	return time.Duration(seconds) * time.Second
}

// tailStream is one connection.
type tailStream struct {
	*tailer
	idle   *sse.IdleReader
	parser *sse.Parser
	unit   []tailEvent // events that wait for their unit's id
	synced bool
}

func (s *tailStream) run() error {
	for {
		e, err := s.parser.Next()
		switch {
		case errors.Is(err, sse.ErrLineTooLong), errors.Is(err, sse.ErrEventTooLarge):
			return fmt.Errorf("read stream: %w", err)
		case errors.Is(err, io.EOF) && s.synced && !s.follow:
			return nil
		case err != nil:
			return &lostError{err: fmt.Errorf("lost the stream: %w", err)}
		}
		if err := s.event(e); err != nil {
			return err
		}
	}
}

// event prints an event once its unit is whole. A unit that is cut off comes
// again as a whole when the stream is resumed, and so is printed once.
func (s *tailStream) event(e sse.Event) error {
	if e.Type == wire.FramePosition || !isControl(e.Type) {
		return s.unitEvent(e)
	}
	s.understand(e)
	if !s.control {
		return nil
	}
	return s.printer.print(newTailEvent(e))
}

func (s *tailStream) unitEvent(e sse.Event) error {
	if e.Type != wire.FramePosition || s.control {
		s.unit = append(s.unit, newTailEvent(e))
	}
	if !e.HasID {
		if len(s.unit) > wire.MaxUnitEvents {
			return fmt.Errorf("read stream: a unit has more than %d events", wire.MaxUnitEvents)
		}
		return nil
	}
	cursor, err := wire.ParseCursor(e.ID)
	if err != nil {
		return fmt.Errorf("read stream: %w", err)
	}
	s.failures = 0
	for _, event := range s.unit {
		if err := s.printer.print(event.at(cursor)); err != nil {
			return err
		}
	}
	s.unit, s.last = s.unit[:0], cursor
	return nil
}

// understand acts on a control frame. One whose data it cannot read only says
// less.
func (s *tailStream) understand(e sse.Event) {
	switch e.Type {
	case wire.FrameConnected:
		if frame, ok := decodeFrame[wire.Connected](e); ok {
			s.idle.SetTimeout(frame.Silence())
		}
	case wire.FrameReset:
		frame, _ := decodeFrame[wire.Reset](e)
		s.note("reset: %s; what follows is the whole live state", frame.Reason)
	case wire.FrameGap:
		frame, _ := decodeFrame[wire.Gap](e)
		s.note("gap: short-lived events after %d, up to %d, are gone", frame.From, frame.To)
	case wire.FrameShutdown:
		frame, _ := decodeFrame[wire.Shutdown](e)
		s.note("server: %s", frame.Message)
	case wire.FrameSynced:
		s.synced, s.failures = true, 0
	}
}

func decodeFrame[T any](e sse.Event) (frame T, ok bool) {
	err := json.Unmarshal(e.Data, &frame)
	return frame, err == nil
}

func isControl(eventType string) bool {
	switch eventType {
	case wire.FrameConnected, wire.FrameReset, wire.FrameSynced, wire.FrameGap, wire.FrameReport, wire.FrameShutdown, wire.FramePosition:
		return true
	}
	return false
}
