package e2e

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"testing"
	"time"
)

// TestStreamBeginsWithTheWholeState: connected, a heartbeat, reset, the live
// state, synced.
func TestStreamBeginsWithTheWholeState(t *testing.T) {
	t.Parallel()
	c := startControl(t, "--heartbeat", "1500ms")
	c.ban("192.0.2.1", "lifted")
	c.ban("192.0.2.2", "stays")
	c.revoke("token-1")
	c.unban("192.0.2.1")
	head := c.invalidate("a-moment")

	s := openStream(t, c.url, "")
	for name, want := range map[string]string{
		"Content-Type": "text/event-stream", "Cache-Control": "no-cache, no-transform", "X-Accel-Buffering": "no",
	} {
		if got := s.header.Get(name); got != want {
			t.Errorf("%s is %q, want %q", name, got, want)
		}
	}
	first := s.next()
	var connected struct {
		ClientID         string  `json:"client_id"`
		Epoch            string  `json:"epoch"`
		Head             string  `json:"head"`
		HeartbeatSeconds float64 `json:"heartbeat_seconds"`
		Timestamp        int64   `json:"timestamp"`
	}
	first.into(t, &connected)
	if first.event != "connected" || first.id != "" || connected.ClientID == "" || connected.Epoch != c.status().GetEpoch() ||
		connected.Head != fmt.Sprint(head) || connected.HeartbeatSeconds != 1.5 ||
		time.Since(time.Unix(connected.Timestamp, 0)).Abs() > time.Minute {
		t.Errorf("the first frame is %+v", first)
	}
	if retry, err := strconv.Atoi(first.retry); err != nil || retry < 100 || retry > 60_000 {
		t.Errorf("retry is %q", first.retry)
	}
	if f := must[frame](t)(s.read()); f.comment != "heartbeat 0" {
		t.Errorf("after connected comes %+v, want a heartbeat", f)
	}
	frames := s.until("synced")
	if frames[0].event != "reset" || frames[0].id != "" || !strings.Contains(frames[0].data, `"reason":"`) {
		t.Errorf("then comes %+v, want a reset", frames[0])
	}
	var got []string
	for _, f := range events(frames) {
		got = append(got, f.event+" "+entityOf(f))
	}
	if want := "[ip_banned 192.0.2.2 token_revoked jti:token-1]"; fmt.Sprint(got) != want {
		t.Errorf("the state is %v, want %s", got, want)
	}
	endsLevel(t, c, frames, head)
}

// endsLevel checks that frames end in a synced at the head, whose position the
// last id before it has.
func endsLevel(t *testing.T, c *control, frames []frame, head uint64) {
	t.Helper()
	last, id := frames[len(frames)-1], ""
	for _, f := range frames {
		if f.id != "" {
			id = f.id
		}
	}
	if last.event != "synced" || last.id != "" || last.data != fmt.Sprintf(`{"position":"%d"}`, head) {
		t.Errorf("the end is %+v, want synced at %d", last, head)
	}
	if want := fmt.Sprintf("%s-%d", c.status().GetEpoch(), head); id != want {
		t.Errorf("the last id is %q, want %s", id, want)
	}
}

// TestWhereAStreamBegins covers the cursors that are no plain resume.
func TestWhereAStreamBegins(t *testing.T) {
	t.Parallel()
	c := startControl(t)
	c.ban("192.0.2.1", "")
	head := c.ban("192.0.2.2", "")
	epoch := c.status().GetEpoch()
	for cursor, resets := range map[string]bool{
		"":                             true,
		"latest":                       false,
		fmt.Sprint(epoch, "-", head):   false,
		fmt.Sprint(epoch, "-", head+5): true, // ahead of the log
		"0123abc-1":                    true, // of another log
	} {
		frames := poll(t, c.url, cursor)
		if reset := frames[1].event == "reset"; reset != resets {
			t.Errorf("from %q: %+v", cursor, frames)
		}
		if got := len(events(frames)); (got == 2) != resets {
			t.Errorf("from %q: %d events", cursor, got)
		}
		endsLevel(t, c, frames, head)
	}

	// The header wins over the query.
	resp := must[*http.Response](t)(requestStream(t, c.url, "follow=false&last_event_id=0", fmt.Sprint(epoch, "-", head-1)))
	if got := events(newStream(t, resp).until("synced")); len(got) != 1 || got[0].position(t) != head {
		t.Errorf("with header and query: %+v, want what follows the header's", got)
	}

	s := openStream(t, c.url, "last_event_id=latest")
	s.until("synced")
	next := c.ban("192.0.2.3", "")
	if f := s.next(); f.event != "ip_banned" || f.id != fmt.Sprint(epoch, "-", next) {
		t.Errorf("after latest comes %+v", f)
	}
}

// TestBadStreamRequestsAreRefused with 400 and a reason.
func TestBadStreamRequestsAreRefused(t *testing.T) {
	t.Parallel()
	c := startControl(t)
	for _, id := range []string{
		"nonsense", "-1", "1-", "-", "1.5", "0x10", "18446744073709551616", "UPPER-1", "a-b-1", "1 2", "é-1",
		strings.Repeat("a", 33) + "-1", strings.Repeat("9", 1000),
	} {
		a := must[answer](t)(get(c.url + "/events?follow=false&last_event_id=" + url.QueryEscape(id)))
		isRefusal(t, "last_event_id="+id, a, http.StatusBadRequest)
		resp := must[*http.Response](t)(requestStream(t, c.url, "follow=false", id))
		isRefusal(t, "Last-Event-ID: "+id, must[answer](t)(read(resp)), http.StatusBadRequest)
	}
	for _, query := range []string{"follow=perhaps", "node=" + strings.Repeat("n", 300), "node=a%0ab", "last_event_id=%zz", "node=edge&last_event_id=1"} {
		isRefusal(t, query, must[answer](t)(get(c.url+"/events?"+query)), http.StatusBadRequest)
	}
	resp := must[*http.Response](t)(client.Post(c.url+"/events", "", nil))
	isRefusal(t, "POST", must[answer](t)(read(resp)), http.StatusMethodNotAllowed)
}

// isRefusal checks for a google.rpc.Status with a reason.
func isRefusal(t *testing.T, what string, a answer, code int) {
	t.Helper()
	if a.code != code || !strings.Contains(a.body, `"message":"`) || !strings.Contains(a.body, `"reason":"`) {
		t.Errorf("%s: %s, want %d with a message and a reason", what, a, code)
	}
}

// TestGap: short-lived events that are gone are announced, state events are not
// gone.
func TestGap(t *testing.T) {
	t.Parallel()
	c := startControl(t, "--moment-max", "3", "--moment-retention", "1s", "--ring-size", "1")
	banned := c.ban("192.0.2.1", "")
	var last uint64
	for i := range 10 {
		last = c.invalidate(fmt.Sprint("tag-", i))
	}
	eventually(t, "invalidations are forgotten", func() error {
		if got := c.status().GetMomentHorizon(); got < last {
			return fmt.Errorf("moment horizon %d", got)
		}
		return nil
	})
	head := c.ban("192.0.2.2", "")
	frames := poll(t, c.url, "0")
	if f := frames[1]; f.event != "gap" || f.id != "" || f.data != fmt.Sprintf(`{"from":"0","to":"%d"}`, last) {
		t.Errorf("the first frame of the resume is %+v, want a gap up to %d", f, last)
	}
	if got := events(frames); len(got) != 2 || got[0].position(t) != banned || got[1].position(t) != head {
		t.Errorf("the bans are %+v", got)
	}
	endsLevel(t, c, frames, head)
}

// TestPositionBlock: a position that a reader's own events do not reach is told
// in a block that has an id and data.
func TestPositionBlock(t *testing.T) {
	t.Parallel()
	c := startControl(t)
	c.ban("192.0.2.1", "")
	head := c.unban("192.0.2.1") // an absence, which a whole state leaves out
	frames := poll(t, c.url, "")
	f := frames[len(frames)-2]
	if f.event != "position" || f.data != "{}" || f.position(t) != head {
		t.Errorf("before synced comes %+v, want the position %d", f, head)
	}
	s := openStream(t, c.url, "follow=false&last_event_id=latest")
	if got := s.until("synced"); len(got) != 3 || got[1].event != "position" {
		t.Errorf("latest begins with %+v", got)
	}
	if _, err := s.read(); !errors.Is(err, io.EOF) {
		t.Errorf("follow=false does not end: %v", err)
	}
}
