package e2e

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"testing"
)

// frame is one block of a stream, or one comment.
type frame struct {
	id, event, data, retry string
	comment                string
}

// position is the number in the frame's id.
func (f frame) position(t *testing.T) uint64 {
	t.Helper()
	_, digits, _ := strings.Cut(f.id, "-")
	return must[uint64](t)(strconv.ParseUint(digits, 10, 64))
}

// into decodes the data.
func (f frame) into(t *testing.T, v any) {
	t.Helper()
	if err := json.Unmarshal([]byte(f.data), v); err != nil {
		t.Fatalf("data of %+v: %v", f, err)
	}
}

// stream reads a stream as a simple client would.
type stream struct {
	t      *testing.T
	header http.Header
	lines  *bufio.Scanner
	close  func()
}

// maxLine is more than any line of a stream has.
const maxLine = 2 << 20

// openStream opens /events with a query such as "last_event_id=latest".
func openStream(t *testing.T, base, query string) *stream {
	t.Helper()
	resp := must[*http.Response](t)(requestStream(t, base, query, ""))
	if resp.StatusCode != http.StatusOK {
		t.Fatalf("stream %s: %s", query, must[answer](t)(read(resp)))
	}
	return newStream(t, resp)
}

func newStream(t *testing.T, resp *http.Response) *stream {
	s := &stream{t: t, header: resp.Header, lines: bufio.NewScanner(resp.Body), close: func() { resp.Body.Close() }}
	s.lines.Buffer(nil, maxLine)
	t.Cleanup(s.close)
	return s
}

// requestStream asks for the stream. lastEventID is the header; empty: none.
func requestStream(t *testing.T, base, query, lastEventID string) (*http.Response, error) {
	ctx, cancel := context.WithTimeout(context.Background(), 4*patience)
	t.Cleanup(cancel)
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, base+"/events?"+query, nil)
	if err != nil {
		return nil, err
	}
	if lastEventID != "" {
		req.Header.Set("Last-Event-ID", lastEventID)
	}
	return streamClient.Do(req)
}

// streamClient has no time limit of its own.
var streamClient = &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}

// read gives the next block or comment.
func (s *stream) read() (frame, error) {
	var f frame
	for s.lines.Scan() {
		name, value, _ := strings.Cut(s.lines.Text(), ":")
		value = strings.TrimPrefix(value, " ")
		switch name {
		case "":
			if s.lines.Text() != "" {
				return frame{comment: value}, nil
			}
			return f, nil
		case "id":
			f.id = value
		case "event":
			f.event = value
		case "data":
			f.data += value
		case "retry":
			f.retry = value
		default:
			return f, fmt.Errorf("line %q is not of this stream", s.lines.Text())
		}
	}
	return f, errors.Join(s.lines.Err(), io.EOF)
}

// next gives the next block; comments and blank lines after them are passed over.
func (s *stream) next() frame {
	s.t.Helper()
	for {
		f := must[frame](s.t)(s.read())
		if f.event != "" {
			return f
		}
	}
}

// until gives the blocks up to and including the first of that event.
func (s *stream) until(event string) []frame {
	s.t.Helper()
	var frames []frame
	for {
		f := s.next()
		if frames = append(frames, f); f.event == event {
			return frames
		}
	}
}

// poll reads from a cursor to the head; an empty one asks for the whole state.
func poll(t *testing.T, base, cursor string) []frame {
	t.Helper()
	query := url.Values{"follow": {"false"}}
	if cursor != "" {
		query.Set("last_event_id", cursor)
	}
	s := openStream(t, base, query.Encode())
	defer s.close()
	frames := s.until("synced")
	if f, err := s.read(); !errors.Is(err, io.EOF) {
		t.Fatalf("after synced with follow=false: %+v, %v", f, err)
	}
	return frames
}

// events leaves the mutations of frames.
func events(frames []frame) []frame {
	var found []frame
	for _, f := range frames {
		switch f.event {
		case "connected", "reset", "synced", "gap", "position", "shutdown":
		default:
			found = append(found, f)
		}
	}
	return found
}
