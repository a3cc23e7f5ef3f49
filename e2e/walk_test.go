package e2e

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"testing"
)

// TestWalk is the original sketch's own walk, with its curl lines.
func TestWalk(t *testing.T) {
	t.Parallel()
	origin, c := startOrigin(t), startControl(t)
	edges := make([]*edge, 3)
	for i := range edges {
		edges[i] = startEdge(t, origin.URL, c.url, "--node-id", fmt.Sprintf("edge-%c", 'a'+i))
	}
	for _, e := range edges {
		e.reaches(0)
	}
	w := &walk{t: t, control: c, edges: edges}

	w.posts("/ban/ip", `{"ip":"::1","reason":"abuse"}`)
	w.see("::1", "/", http.StatusForbidden, `{"error":"ip_banned","reason":"abuse"}`)
	w.see("127.0.0.1", "/", http.StatusOK, "")
	w.posts("/unban/ip", `{"ip":"::1"}`)
	w.see("::1", "/", http.StatusOK, "")

	w.posts("/ban/ip", `{"ip":"127.0.0.1"}`)
	asked := origin.answers.Load()
	w.see("127.0.0.1", "/never-asked", http.StatusForbidden, `{"error":"ip_banned","reason":""}`)
	if got := origin.answers.Load(); got != asked {
		t.Errorf("the origin was asked %d times for a banned address", got-asked)
	}
	w.posts("/unban/ip", `{"ip":"127.0.0.1"}`)
	w.see("127.0.0.1", "/", http.StatusOK, "")

	w.posts("/revoke/token", `{"jti":"token-1"}`)
	w.seeRevoked("Bearer eyJhbGciOiJub25lIn0.eyJqdGkiOiJ0b2tlbi0xIn0.") // {"alg":"none"} {"jti":"token-1"}
	w.invalidates(`{"tags":["page:/posts/1"]}`, "/posts/1", "/posts/2")
	w.invalidates(`{"tags":["key-of-posts/1"]}`, "/posts/1", "/posts/2")
	w.invalidates(`{"tags":["page:/po*"]}`, "/posts/1", "/other")
	w.invalidates(`{"keys":["/posts/1"]}`, "/posts/1", "/posts/12")
}

type walk struct {
	t       *testing.T
	control *control
	edges   []*edge
}

// posts sends a mutation as the sketch did, and waits until every edge has it.
func (w *walk) posts(path, body string) {
	w.t.Helper()
	a := curl(w.t, "-X", "POST", w.control.url+path, "-H", "Content-Type: application/json", "-d", body)
	var receipt struct {
		Position string `json:"position"`
		Epoch    string `json:"epoch"`
	}
	if err := json.Unmarshal([]byte(a.body), &receipt); err != nil || a.code != http.StatusOK || receipt.Epoch == "" {
		w.t.Fatalf("POST %s %s: %s", path, body, a)
	}
	position := must[uint64](w.t)(strconv.ParseUint(receipt.Position, 10, 64))
	for _, e := range w.edges {
		e.reaches(position)
	}
}

// see asks every edge as a client on that loopback address.
func (w *walk) see(from, path string, code int, body string) {
	w.t.Helper()
	for _, e := range w.edges {
		a := curl(w.t, e.url(from, path))
		if a.code != code || (body != "" && strings.TrimSpace(a.body) != body) {
			w.t.Errorf("%s asks for %s: %s, want %d %s", from, path, a, code, body)
		}
		if code == http.StatusForbidden {
			w.refused(a)
		}
	}
}

func (w *walk) refused(a answer) {
	w.t.Helper()
	if got := a.header.Get("Content-Type"); got != "application/json" {
		w.t.Errorf("a refusal has Content-Type %q", got)
	}
	if got := a.header.Get("Cache-Control"); got != "no-store" {
		w.t.Errorf("a refusal has Cache-Control %q", got)
	}
	if got := a.header.Get("Cache-Status"); got != "" {
		w.t.Errorf("a refusal passed the cache: %q", got)
	}
}

func (w *walk) seeRevoked(authorization string) {
	w.t.Helper()
	for _, e := range w.edges {
		a := curl(w.t, e.url("127.0.0.1", "/"), "-H", "Authorization: "+authorization)
		if a.code != http.StatusUnauthorized || !strings.Contains(a.body, `"token_revoked"`) || a.header.Get("WWW-Authenticate") == "" {
			w.t.Errorf("a revoked token gets %s, %v", a, a.header)
		}
	}
}

// invalidates sends an invalidation that covers one page and not the other.
func (w *walk) invalidates(body, covered, other string) {
	w.t.Helper()
	before := make([]string, len(w.edges))
	for i, e := range w.edges {
		e.get(other)
		before[i] = e.get(covered).body
		if a := e.get(covered); !isHit(a) || a.body != before[i] {
			w.t.Errorf("before the invalidation: %s, want a hit", a)
		}
		if a := e.get(covered); a.header.Get("X-Cache-Tags")+a.header.Get("Surrogate-Key") != "" {
			w.t.Errorf("the tags are shown: %v", a.header)
		}
	}
	w.posts("/invalidate", body)
	for i, e := range w.edges {
		if a := curl(w.t, e.url("127.0.0.1", covered)); isHit(a) || a.body == before[i] {
			w.t.Errorf("after %s: %s, want another answer of the origin", body, a)
		}
		if a := curl(w.t, e.url("127.0.0.1", other)); !isHit(a) {
			w.t.Errorf("after %s, which does not cover %s: %s, want a hit", body, other, a)
		}
	}
}

// isHit tells by RFC 9211 whether the cache answered.
func isHit(a answer) bool {
	return strings.HasPrefix(a.header.Get("Cache-Status"), "ringcast; hit")
}
