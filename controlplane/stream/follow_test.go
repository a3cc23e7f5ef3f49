package stream

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil"

	"github.com/ringcast/ringcast/controlplane/eventlog"
	"github.com/ringcast/ringcast/internal/wire"
)

// Subscribers join at every position while writers run, with a ring so small
// that they are handed over between it and the log: each sees every position
// once and in order.
func TestHandOver(t *testing.T) {
	t.Parallel()
	const before, during, writers = 40, 160, 4
	p := newPlane(t, options{ringUnits: 8})
	for i := range before {
		p.append(ban(i))
	}
	var wg sync.WaitGroup
	for w := range writers {
		wg.Go(func() {
			for i := range during / writers {
				p.append(ban(1000 + w*during + i))
			}
		})
	}
	for from := range uint64(before) {
		reading := p.open("", fmt.Sprintf("%s-%d", p.epoch(), from))
		wg.Go(func() {
			want := from + 1
			for want <= before+during {
				f, ok := reading.next()
				if !ok {
					t.Errorf("from %d: the stream ended before %d", from, want)
					return
				}
				if f.kind != wire.TypeIPBanned {
					continue
				}
				if id := fmt.Sprintf("%s-%d", p.epoch(), want); f.id != id {
					t.Errorf("from %d: got %s, want %s", from, f.id, id)
					return
				}
				want++
			}
		})
	}
	wg.Wait()
}

func TestFollow(t *testing.T) {
	t.Parallel()
	p := newPlane(t, options{})
	reading := p.open("last_event_id=latest", "")
	reading.until(wire.FrameSynced)
	p.append(ban(1), ban(2))
	frames := []frame{}
	for range 2 {
		f, _ := reading.next()
		frames = append(frames, f)
	}
	if frames[0].id != "" || frames[1].id != p.epoch()+"-2" {
		t.Errorf("a batch has its id at the end only: %v", frames)
	}
}

func TestHeartbeat(t *testing.T) {
	t.Parallel()
	p := newPlane(t, options{Config: Config{Heartbeat: 10 * time.Millisecond}})
	resp := p.get(t.Context(), "", "")
	buf := make([]byte, 4096)
	read := ""
	for strings.Count(read, ": heartbeat 0\n") < 3 {
		n, err := resp.Body.Read(buf)
		if err != nil {
			t.Fatal(err)
		}
		read += string(buf[:n])
	}
	if connected := strings.Index(read, "event: connected"); connected != 0 || !strings.Contains(read, "\n\n: heartbeat 0\n\nevent: reset") {
		t.Errorf("stream begins %q", read)
	}
}

func TestCapacity(t *testing.T) {
	t.Parallel()
	p := newPlane(t, options{Config: Config{MaxSubscribers: 1}})
	first := p.open("node=a", "")
	first.until(wire.FrameSynced)
	resp := p.get(t.Context(), "", "")
	body, _ := io.ReadAll(resp.Body)
	if resp.StatusCode != http.StatusServiceUnavailable || resp.Header.Get("Retry-After") == "" || !strings.Contains(string(body), "Server at capacity") {
		t.Errorf("second subscriber: %s %q %s", resp.Status, resp.Header.Get("Retry-After"), body)
	}
	if all, edges := p.Open(); all != 1 || edges != 1 {
		t.Errorf("open: %d, of edges %d", all, edges)
	}
	first.body.Close()
	for {
		if resp := p.get(t.Context(), "follow=false", ""); resp.StatusCode == http.StatusOK {
			return
		}
	}
}

// A drain sends what is left, says goodbye, and ends every stream.
func TestDrain(t *testing.T) {
	t.Parallel()
	p := newPlane(t, options{})
	var readings []*reading
	for range 20 {
		r := p.open("", "")
		r.until(wire.FrameSynced)
		readings = append(readings, r)
	}
	for i := range 100 {
		p.append(ban(i))
	}
	if err := p.Drain(t.Context()); err != nil {
		t.Fatal(err)
	}
	for _, r := range readings {
		frames := r.rest()
		if len(frames) != 101 || frames[100].kind != wire.FrameShutdown {
			t.Fatalf("%d frames, the last %v", len(frames), frames[len(frames)-1])
		}
	}
	if resp := p.get(t.Context(), "", ""); resp.StatusCode != http.StatusServiceUnavailable {
		t.Errorf("after the drain: %s", resp.Status)
	}
	if err := p.Drain(t.Context()); err != nil {
		t.Error(err)
	}
}

// One who does not read is dropped, and delays nobody.
func TestStuckSubscriber(t *testing.T) {
	t.Parallel()
	p := newPlane(t, options{Config: Config{writeTimeout: time.Second}})
	conn, err := net.Dial("tcp", p.http.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if err := conn.(*net.TCPConn).SetReadBuffer(4096); err != nil {
		t.Fatal(err)
	}
	fmt.Fprintf(conn, "GET /events HTTP/1.1\r\nHost: localhost\r\n\r\n")
	other := p.open("", "")
	other.until(wire.FrameSynced)
	reason := strings.Repeat("x", 200)
	for i := 0; testutil.ToFloat64(p.metrics.ends.WithLabelValues("stuck")) == 0; i++ {
		position := p.append(invalidate(reason), invalidate(reason), invalidate(reason), invalidate(reason), invalidate(reason))
		for {
			if f, _ := other.next(); f.id == fmt.Sprintf("%s-%d", p.epoch(), position) {
				break
			}
		}
		if i > 100_000 {
			t.Fatal("the stuck subscriber was not dropped")
		}
	}
}

// A replay does not hold up a drain: it is cut with a goodbye.
func TestDrainDuringReplay(t *testing.T) {
	t.Parallel()
	log := &interrupted{}
	p := newPlane(t, options{wrap: func(l eventlog.Log) eventlog.Log {
		log.Log = l
		return log
	}})
	for i := range 3 * replayPage {
		p.append(ban(i))
	}
	drained := make(chan error, 1)
	log.interrupt = func() {
		go func() { drained <- p.Drain(t.Context()) }()
		<-p.draining
	}
	frames := p.open("", "").rest()
	if err := <-drained; err != nil {
		t.Error(err)
	}
	if n := len(frames); n > 2*replayPage || frames[n-1].kind != wire.FrameShutdown {
		t.Errorf("%d frames, the last %v", n, frames[n-1])
	}
}

func TestGoneSubscriber(t *testing.T) {
	t.Parallel()
	p := newPlane(t, options{})
	ctx, cancel := context.WithCancel(t.Context())
	p.get(ctx, "", "")
	cancel()
	if err := p.waitEmpty(t.Context()); err != nil {
		t.Error(err)
	}
}

// waitEmpty waits until nobody is connected.
func (p *plane) waitEmpty(ctx context.Context) error {
	for {
		if all, _ := p.Open(); all == 0 {
			return nil
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
	}
}
