package stream

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"sync"
	"testing"
	"time"

	"github.com/ringcast/ringcast/controlplane"
	"github.com/ringcast/ringcast/controlplane/eventlog"
	"github.com/ringcast/ringcast/controlplane/eventlog/sqlite"
	"github.com/ringcast/ringcast/controlplane/ring"
	"github.com/ringcast/ringcast/internal/sse"
	"github.com/ringcast/ringcast/internal/wire"
)

// plane is a log, its ring and a stream server on a real socket.
type plane struct {
	t     *testing.T
	log   eventlog.Log
	ring  *ring.Ring
	http  *httptest.Server
	clock *clock
	*Server
}

type clock struct {
	mu  sync.Mutex
	now time.Time
}

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *clock) advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

type options struct {
	Config
	ringUnits int
	wrap      func(eventlog.Log) eventlog.Log
}

func newPlane(t *testing.T, o options) *plane {
	t.Helper()
	p := &plane{t: t, clock: &clock{now: time.Unix(1_800_000_000, 0)}}
	log, err := sqlite.Open(t.Context(), sqlite.Config{
		Dir: t.TempDir(), Now: p.clock.Now,
		Retention: eventlog.Retention{Tombstone: time.Hour, Moment: time.Minute},
		Committed: func(units []controlplane.Unit) {
			if err := p.ring.Append(units); err != nil {
				t.Error(err)
			}
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { log.Close() })
	head, err := log.Head(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	p.log = log
	if o.wrap != nil {
		p.log = o.wrap(log)
	}
	p.ring = ring.New(head.Epoch, head.Position, o.ringUnits, 0)
	if o.Heartbeat == 0 {
		o.Heartbeat = time.Hour
	}
	o.Now = p.clock.Now
	p.Server = New(o.Config, p.log, p.ring)
	p.http = httptest.NewServer(p.Server)
	t.Cleanup(p.http.Close)
	return p
}

// append appends one unit and returns its position.
func (p *plane) append(decisions ...controlplane.Decision) uint64 {
	p.t.Helper()
	receipts, err := p.log.Append(p.t.Context(), func(s controlplane.State) ([]controlplane.Event, error) {
		var events []controlplane.Event
		for _, decide := range decisions {
			more, err := decide(s)
			if err != nil {
				return nil, err
			}
			events = append(events, more...)
		}
		return events, nil
	}, eventlog.Request{Principal: controlplane.Anonymous, RPC: "test"})
	if err != nil {
		p.t.Fatal(err)
	}
	return receipts[0].Position
}

func (p *plane) epoch() string { return p.ring.Epoch() }

func ban(n int) controlplane.Decision {
	return controlplane.Ban{IP: address(n), Reason: "test"}.Decide
}

func unban(n int) controlplane.Decision { return controlplane.Unban{IP: address(n)}.Decide }

func invalidate(tag string) controlplane.Decision {
	return controlplane.Invalidation{Tags: []string{tag}, Keys: []string{}}.Decide
}

func address(n int) netip.Prefix {
	return netip.PrefixFrom(netip.AddrFrom4([4]byte{10, 0, byte(n >> 8), byte(n)}), 32)
}

// reading is one open stream, as a client sees it.
type reading struct {
	t      *testing.T
	body   io.ReadCloser
	parser *sse.Parser
	beats  int
}

// frame is an event as it was read; id is "" unless the block had one.
type frame struct {
	kind, id, data string
}

func (p *plane) open(query, lastEventID string) *reading {
	p.t.Helper()
	resp := p.get(p.t.Context(), query, lastEventID)
	if resp.StatusCode != http.StatusOK {
		body, _ := io.ReadAll(resp.Body)
		p.t.Fatalf("GET /events?%s: %s %s", query, resp.Status, body)
	}
	r := &reading{t: p.t, body: resp.Body}
	r.parser = sse.NewParser(resp.Body, sse.Options{OnComment: func([]byte) { r.beats++ }})
	p.t.Cleanup(func() { resp.Body.Close() })
	return r
}

func (p *plane) get(ctx context.Context, query, lastEventID string) *http.Response {
	p.t.Helper()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, p.http.URL+wire.EventsPath+"?"+query, nil)
	if err != nil {
		p.t.Fatal(err)
	}
	if lastEventID != "" {
		req.Header.Set(wire.LastEventIDHeader, lastEventID)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		p.t.Fatal(err)
	}
	p.t.Cleanup(func() { resp.Body.Close() })
	return resp
}

// next reads one frame; ok is false at the end of the stream.
func (r *reading) next() (f frame, ok bool) {
	r.t.Helper()
	event, err := r.parser.Next()
	if errors.Is(err, io.EOF) {
		return frame{}, false
	}
	if err != nil {
		r.t.Fatal(err)
	}
	f = frame{kind: event.Type, data: string(event.Data)}
	if event.HasID {
		f.id = event.ID
	}
	return f, true
}

// until reads frames up to and with the first of a kind.
func (r *reading) until(kind string) []frame {
	r.t.Helper()
	var frames []frame
	for {
		f, ok := r.next()
		if !ok {
			r.t.Fatalf("stream ended before %s, after %v", kind, frames)
		}
		frames = append(frames, f)
		if f.kind == kind {
			return frames
		}
	}
}

// rest reads to the end of the stream.
func (r *reading) rest() []frame {
	r.t.Helper()
	var frames []frame
	for f, ok := r.next(); ok; f, ok = r.next() {
		frames = append(frames, f)
	}
	return frames
}

func kinds(frames []frame) []string {
	var kinds []string
	for _, f := range frames {
		kinds = append(kinds, f.kind)
	}
	return kinds
}

func decode[T any](t *testing.T, f frame) (v T) {
	t.Helper()
	if err := json.Unmarshal([]byte(f.data), &v); err != nil {
		t.Fatalf("%s %s: %v", f.kind, f.data, err)
	}
	return v
}
