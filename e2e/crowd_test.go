package e2e

import (
	"fmt"
	"net"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"
)

// TestStreamsAtCapacity: those who come too many are told when to come back, and
// get in once there is room.
func TestStreamsAtCapacity(t *testing.T) {
	t.Parallel()
	c := startControl(t, "--max-subscribers", "2")
	first := openStream(t, c.url, "last_event_id=latest")
	first.until("synced")
	openStream(t, c.url, "last_event_id=latest").until("synced")
	a := must[answer](t)(get(c.url + "/events"))
	isRefusal(t, "a third stream", a, http.StatusServiceUnavailable)
	if seconds, err := strconv.Atoi(a.header.Get("Retry-After")); err != nil || seconds < 1 || !strings.Contains(a.body, "Server at capacity") {
		t.Errorf("a third stream is refused with Retry-After %q: %s", a.header.Get("Retry-After"), a)
	}
	if got := c.status().GetSubscribers(); got != 2 {
		t.Errorf("%d subscribers are counted", got)
	}
	first.close()
	eventually(t, "there is room again", func() error {
		if a := must[answer](t)(get(c.url + "/events?follow=false")); a.code != http.StatusOK {
			return fmt.Errorf("refused: %s", a)
		}
		return nil
	})
}

// TestHeartbeats come in the time that connected has named, each with its age.
func TestHeartbeats(t *testing.T) {
	t.Parallel()
	c := startControl(t, "--heartbeat", "100ms")
	s := openStream(t, c.url, "last_event_id=latest")
	s.until("synced")
	began := time.Now()
	for beats := 0; beats < 5; {
		f := must[frame](t)(s.read())
		if f.comment == "" {
			continue
		}
		if beats++; f.comment != "heartbeat 0" {
			t.Errorf("heartbeat is %q", f.comment)
		}
	}
	if took := time.Since(began); took < 300*time.Millisecond {
		t.Errorf("5 heartbeats of 100ms came in %s", took)
	}
}

// TestSubscriberThatNeverReads delays neither the writers nor other readers.
func TestSubscriberThatNeverReads(t *testing.T) {
	t.Parallel()
	c := startControl(t)
	stuck := must[net.Conn](t)(net.Dial("tcp", c.httpAddress()))
	defer stuck.Close()
	if _, err := fmt.Fprintf(stuck, "GET /events?last_event_id=latest HTTP/1.1\r\nHost: localhost\r\n\r\n"); err != nil {
		t.Fatal(err)
	}
	s := openStream(t, c.url, "last_event_id=latest")
	s.until("synced")
	eventually(t, "both are subscribed", func() error {
		if got := c.status().GetSubscribers(); got != 2 {
			return fmt.Errorf("%d are", got)
		}
		return nil
	})

	// 16 MB are more than the sockets' buffers hold. 30 s on, the stuck one would
	// be dropped and the others go on: that must not be what this test sees.
	const count, room = 128, 20 * time.Second
	tags := make([]string, 500)
	for i := range tags {
		tags[i] = fmt.Sprintf("%04d-%s", i, strings.Repeat("x", 245))
	}
	began := time.Now()
	for range count {
		position := c.invalidate(tags...)
		if f := s.next(); f.event != "cache_invalidated" || f.position(t) != position {
			t.Fatalf("position %d was written, and %.100v came", position, f)
		}
	}
	if took := time.Since(began); took > room {
		t.Errorf("%d events took %s with a stuck subscriber", count, took)
	}
	if got := c.status().GetSubscribers(); got != 2 {
		t.Errorf("%d are subscribed, the stuck one was to be among them", got)
	}
}
