package server_test

import (
	"io"
	"net/http"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestStreamRefusesAsREST wants one form of refusals on the whole port: the same
// header, and the same JSON to the letter.
func TestStreamRefusesAsREST(t *testing.T) {
	t.Parallel()
	cfg := testConfig(t.TempDir())
	cfg.MaxSubscribers = 1
	s := start(t, cfg)
	s.events("").until("synced")
	_, rest := s.refused("/v1/bans?page_size=x")
	for path, want := range map[string]string{
		"/events?follow=%3Cb%3E%26%ff": refusalJSON("3", `follow is true or false, not \"<b>&\\xff\"`, "INVALID_PARAMETER"),
		"/events?last_event_id=x":      refusalJSON("3", "last_event_id: not an event id: a position has digits only", "INVALID_LAST_EVENT_ID"),
		"/events":                      refusalJSON("14", "Server at capacity", "AT_CAPACITY"),
	} {
		body, header := s.refused(path)
		if diff := cmp.Diff(want, body); diff != "" {
			t.Errorf("%s (-want +got):\n%s", path, diff)
		}
		header.Del("Retry-After")
		if diff := cmp.Diff(rest, header); diff != "" {
			t.Errorf("%s: header (-REST +stream):\n%s", path, diff)
		}
	}
}

func refusalJSON(code, message, reason string) string {
	return `{"code":` + code + `,"message":"` + message + `","details":[` +
		`{"@type":"type.googleapis.com/google.rpc.ErrorInfo","reason":"` + reason + `","domain":"ringcast","metadata":{}}]}`
}

// refused gives an answer's body, and its header but for what differs by nature.
func (r *running) refused(path string) (body string, header http.Header) {
	r.t.Helper()
	resp, err := r.client.Get(r.url + path)
	if err != nil {
		r.t.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		r.t.Fatal(err)
	}
	header = resp.Header
	header.Del("Date")
	header.Del("Content-Length")
	return string(text), header
}
