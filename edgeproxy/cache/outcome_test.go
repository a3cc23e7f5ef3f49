package cache

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

func TestWhatIsStored(t *testing.T) {
	t.Parallel()
	longTag := "X-Cache-Tags: " + strings.Repeat("t", maxTagBytes+1)
	var manyTags strings.Builder
	for i := range maxTags + 1 {
		fmt.Fprintf(&manyTags, "%d,", i)
	}
	for _, tt := range []struct {
		name    string
		status  int
		request []string
		answer  []string
		want    bool
	}{
		{"max-age", 200, nil, []string{"Cache-Control: max-age=60"}, true},
		{"s-maxage wins", 200, nil, []string{"Cache-Control: s-maxage=0, max-age=60"}, false},
		{"s-maxage alone", 200, nil, []string{"Cache-Control: s-maxage=60, max-age=0"}, true},
		{"nothing said", 200, nil, nil, false},
		{"public alone", 200, nil, []string{"Cache-Control: public"}, false},
		{"no-store", 200, nil, []string{"Cache-Control: max-age=60, no-store"}, false},
		{"private", 200, nil, []string{"Cache-Control: max-age=60", "Cache-Control: PRIVATE"}, false},
		{"private fields", 200, nil, []string{`Cache-Control: max-age=60, private="Set-Cookie"`, "Set-Cookie: a=b"}, true},
		{"other private fields", 200, nil, []string{`Cache-Control: max-age=60, private="X"`, "Set-Cookie: a=b"}, false},
		{"cookie, public", 200, nil, []string{"Cache-Control: max-age=60, public", "Set-Cookie: a=b"}, true},
		{"cookie, s-maxage", 200, nil, []string{"Cache-Control: s-maxage=60", "Set-Cookie: a=b"}, true},
		{"modified", 200, nil, []string{"Last-Modified: Fri, 15 Jan 2027 07:00:00 GMT"}, true},
		{"404, modified", 404, nil, []string{"Last-Modified: Fri, 15 Jan 2027 07:00:00 GMT"}, false},
		{"tagged", 200, nil, []string{`Etag: "1"`}, true},
		{"404, tagged", 404, nil, []string{`Etag: "1"`}, false},
		{"404, tagged, max-age", 404, nil, []string{`Etag: "1"`, "Cache-Control: max-age=0"}, true},
		{"no-cache, tagged", 200, nil, []string{`Etag: W/"1"`, "Cache-Control: no-cache"}, true},
		{"must-understand", 200, nil, []string{"Cache-Control: max-age=60, must-understand, no-store"}, true},
		{"must-understand what it does not", 299, nil, []string{"Cache-Control: max-age=60, must-understand"}, false},
		{"unknown status", 299, nil, []string{"Cache-Control: max-age=60"}, true},
		{"targeted", 200, nil, []string{"Cache-Control: no-store", "Cdn-Cache-Control: max-age=60"}, true},
		{"targeted against", 200, nil, []string{"Cache-Control: max-age=60", "Cdn-Cache-Control: no-store"}, false},
		{"our own first", 200, nil, []string{"Ringcast-Cache-Control: max-age=60", "Cdn-Cache-Control: no-store"}, true},
		{"targeted, empty", 200, nil, []string{"Cache-Control: max-age=60", "Cdn-Cache-Control: "}, true},
		{"targeted, broken", 200, nil, []string{"Cache-Control: max-age=60", "Cdn-Cache-Control: no-store, &"}, true},
		{"targeted without a time", 200, nil, []string{"Expires: Fri, 15 Jan 2027 09:00:00 GMT", "Cdn-Cache-Control: public"}, false},
		{"no-cache", 200, nil, []string{"Cache-Control: no-cache, max-age=60"}, false},
		{"quoted comma", 200, nil, []string{`Cache-Control: x="no-store, no-cache", max-age="60"`}, true},
		{"junk between", 200, nil, []string{"Cache-Control: ,;=, max-age=60,,"}, true},
		{"negative", 200, nil, []string{"Cache-Control: max-age=-1"}, false},
		{"not a number", 200, nil, []string{"Cache-Control: max-age=60s"}, false},
		{"first of two", 200, nil, []string{"Cache-Control: max-age=0, max-age=60"}, false},
		{"overflow", 200, nil, []string{"Cache-Control: max-age=99999999999999999999999"}, true},
		{"old already", 200, nil, []string{"Cache-Control: max-age=60", "Age: 60"}, false},
		{"not so old", 200, nil, []string{"Cache-Control: max-age=60", "Age: 59"}, true},
		{"stale but usable", 200, nil, []string{"Cache-Control: max-age=0, stale-if-error=9"}, true},
		{"stale but must revalidate", 200, nil, []string{"Cache-Control: max-age=0, stale-if-error=9, must-revalidate"}, false},
		{"expires", 200, nil, []string{"Date: Fri, 15 Jan 2027 08:00:00 GMT", "Expires: Fri, 15 Jan 2027 08:01:00 GMT"}, true},
		{"expired", 200, nil, []string{"Date: Fri, 15 Jan 2027 08:00:00 GMT", "Expires: Fri, 15 Jan 2027 08:00:00 GMT"}, false},
		{"expires 0", 200, nil, []string{"Expires: 0"}, false},
		{"max-age over expires", 200, nil, []string{"Expires: 0", "Cache-Control: max-age=1"}, true},
		{"cookie", 200, nil, []string{"Cache-Control: max-age=60", "Set-Cookie: a=b"}, false},
		{"vary *", 200, nil, []string{"Cache-Control: max-age=60", "Vary: Accept", "Vary: Origin, *"}, false},
		{"vary by what the edge says", 200, nil, []string{"Cache-Control: max-age=60", "Vary: x-forwarded-for"}, false},
		{"authorized", 200, []string{"Authorization: x"}, []string{"Cache-Control: max-age=60"}, false},
		{"authorized, public", 200, []string{"Authorization: x"}, []string{"Cache-Control: max-age=60, public"}, true},
		{"authorized, s-maxage", 200, []string{"Authorization: x"}, []string{"Cache-Control: s-maxage=60"}, true},
		{"authorized, must-revalidate", 200, []string{"Authorization: x"}, []string{"Cache-Control: max-age=60, must-revalidate"}, true},
		{"404", 404, nil, []string{"Cache-Control: max-age=60"}, true},
		{"500", 500, nil, []string{"Cache-Control: max-age=60"}, true},
		{"206", 206, nil, []string{"Cache-Control: max-age=60"}, false},
		{"304", 304, nil, []string{"Cache-Control: max-age=60"}, false},
		{"tag too long", 200, nil, []string{"Cache-Control: max-age=60", longTag}, false},
		{"too many tags", 200, nil, []string{"Cache-Control: max-age=60", "Cache-Tag: " + manyTags.String()}, false},
		{"reload", 200, []string{"Cache-Control: no-cache"}, []string{"Cache-Control: max-age=60"}, true},
		{"request no-store", 200, []string{"Cache-Control: no-store"}, []string{"Cache-Control: max-age=60"}, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			r := newRig(t, Config{})
			fetch := always(func() *Response { return respond(tt.status, "body", tt.answer...) })
			first := r.outcome(t, get("/", tt.request...), fetch)
			second := r.outcome(t, get("/"), fetch)
			found := !strings.HasPrefix(second, "fwd=uri-miss")
			if found != tt.want || strings.Contains(first, "stored") != tt.want {
				t.Errorf("first %q, second %q; stored should be %v", first, second, tt.want)
			}
		})
	}
}

func TestOutcomes(t *testing.T) {
	t.Parallel()
	r := newRig(t, Config{})
	ok := always(func() *Response {
		return respond(200, "body", "Cache-Control: max-age=60", "Age: 3", "Vary: Accept")
	})
	steps := []struct {
		request *Request
		want    string
	}{
		{get("/a"), "fwd=uri-miss; fwd-status=200; stored"},
		{get("/a"), "hit; ttl=57"},
		{&Request{Method: "GET", Scheme: "HTTP", Host: "H:80", Target: "/a", Header: Header{}}, "hit; ttl=57"},
		{&Request{Method: "GET", Scheme: "https", Host: "h", Target: "/a", Header: Header{}}, "fwd=uri-miss; fwd-status=200; stored"},
		{get("/a?"), "fwd=uri-miss; fwd-status=200; stored"},
		{get("/A"), "fwd=uri-miss; fwd-status=200; stored"},
		{get("/%61"), "fwd=uri-miss; fwd-status=200; stored"},
		{get("/a", "Accept: text/html"), "fwd=vary-miss; fwd-status=200; stored"},
		{get("/a", "Accept: text/html"), "hit; ttl=57"},
		{get("/a", "Accept: "), "fwd=vary-miss; fwd-status=200; stored"},
		{get("/a"), "hit; ttl=57"},
		{get("/a", "Cache-Control: no-cache"), "fwd=request; fwd-status=200; stored"},
		{get("/a", "Cache-Control: max-age=0"), "fwd=request; fwd-status=200; stored"},
		{get("/a", "Cache-Control: no-store"), "hit; ttl=57"},
		{get("/c", "Cache-Control: no-store"), "fwd=uri-miss"},
		{get("/c", "Cache-Control: only-if-cached"), "detail=only-if-cached"},
		{get("/a", "Cache-Control: only-if-cached"), "hit; ttl=57"},
		{get("/a", "Cache-Control: max-age=3"), "hit; ttl=57"},
		{get("/a", "Cache-Control: max-age=2"), "fwd=request; fwd-status=200; stored"},
		{get("/a", "Cache-Control: min-fresh=57"), "hit; ttl=57"},
		{get("/a", "Cache-Control: min-fresh=58"), "fwd=request; fwd-status=200; stored"},
		{get("/a", "Pragma: no-cache"), "fwd=request; fwd-status=200; stored"},
		{get("/a", "Pragma: no-cache", "Cache-Control: x"), "hit; ttl=57"},
		{get("/a", "Range: bytes=0-1"), "hit; ttl=57"},
		{get("/c", "Range: bytes=0-1"), "fwd=uri-miss"},
		{get("/a", `If-Range: "1"`), "hit; ttl=57"},
		{get("/a", `If-Match: "1"`), "fwd=bypass"},
		{get("/a", "If-Unmodified-Since: Fri, 15 Jan 2027 08:00:00 GMT"), "fwd=bypass"},
		{get("/a", "Upgrade: websocket"), "fwd=bypass"},
		{get("/a", "Connection: close, Accept"), "fwd=bypass"},
		{get("/a", "Connection: x", "Connection: te"), "fwd=bypass"},
		{get("/a", "Connection: te", "Connection: If-None-Match"), "fwd=bypass"},
		{get("/a", "Connection: Keep-Alive, TE,", "Connection: close, upgrade"), "hit; ttl=57"},
		{&Request{Method: "GET", Scheme: "http", Host: "h", Target: "/a", Header: Header{}, HasBody: true}, "fwd=bypass"},
		{&Request{Method: "POST", Scheme: "http", Host: "h", Target: "/a", Header: Header{}}, "fwd=method"},
		{&Request{Method: "HEAD", Scheme: "http", Host: "h", Target: "/a", Header: Header{}}, "hit; ttl=57"},
		{&Request{Method: "HEAD", Scheme: "http", Host: "h", Target: "/b", Header: Header{}}, "fwd=uri-miss; fwd-status=200"},
	}
	for i, step := range steps {
		if got := r.outcome(t, step.request, ok); got != step.want {
			t.Errorf("%d: %s %s: %q, want %q", i, step.request.Method, step.request.Target, got, step.want)
		}
	}
	r.clock.advance(57 * time.Second)
	if got, want := r.outcome(t, get("/a"), ok), "fwd=stale; fwd-status=200; stored"; got != want {
		t.Errorf("after its lifetime: %q, want %q", got, want)
	}
}

func TestStoredFields(t *testing.T) {
	t.Parallel()
	h := fieldsOf("Connection: close, x-hop", "X-Hop: 1", "Keep-Alive: 5", "Age: 4", "Content-Length: 3",
		"Cache-Tag: a", "Surrogate-Key: b", `Cache-Groups: "c"`, "Etag: \"e\"", "X-B: 1", "X-B: 2")
	var names []string
	for _, f := range storedFields(h, nil, false) {
		names = append(names, f.Name)
		if cap(f.Values) > len(f.Values) {
			t.Errorf("%s: two answers that append would share memory", f.Name)
		}
	}
	if got := strings.Join(names, " "); got != "Etag X-B" {
		t.Errorf("stored %q", got)
	}
	if n := len(storedFields(h, nil, true)); n != 5 {
		t.Errorf("%d fields with tags exposed, want 5", n)
	}
}
