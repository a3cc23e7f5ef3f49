package upstream_test

import (
	"fmt"
	"io"
	"mime"
	"mime/multipart"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/ringcast/ringcast/edgeproxy/upstream"
)

const (
	digits = "0123456789abcdefghij"
	// The clock of these tests stands at eight; the page is a day older.
	eight     = "Fri, 15 Jan 2027 08:00:00 GMT"
	yesterday = "Thu, 14 Jan 2027 08:00:00 GMT"
)

func atEight() time.Time { return time.Date(2027, 1, 15, 8, 0, 0, 0, time.UTC) }

// digitPage is an origin that knows no ranges.
func digitPage(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	h.Set("Date", eight)
	h.Set("Content-Type", "text/plain")
	h.Set("Cache-Control", "max-age=60")
	switch r.URL.Path {
	case "/weak":
		h.Set("ETag", `W/"v1"`)
	case "/just-made":
		h.Set("Last-Modified", eight)
	case "/empty":
		return
	case "/gone":
		w.WriteHeader(http.StatusNotFound)
	case "/nothing":
		w.WriteHeader(http.StatusNoContent)
		return
	default:
		h.Set("ETag", `"v1"`)
		h.Set("Last-Modified", yesterday)
	}
	_, _ = io.WriteString(w, digits)
}

func TestRangesOfAStoredResponse(t *testing.T) {
	t.Parallel()
	e := newEdge(t, newOrigin(t, digitPage), upstream.Config{}, atEight)
	for _, tt := range []struct {
		target, asked string
		status        int
		contentRange  string
		body          string
	}{
		{"/", "bytes=0-4", 206, "bytes 0-4/20", "01234"},
		{"/", "bytes=0-0", 206, "bytes 0-0/20", "0"},
		{"/", "bytes=19-19", 206, "bytes 19-19/20", "j"},
		{"/", "bytes=15-", 206, "bytes 15-19/20", "fghij"},
		{"/", "bytes=-3", 206, "bytes 17-19/20", "hij"},
		{"/", "bytes=-99", 206, "bytes 0-19/20", digits},
		{"/", "bytes=18-99", 206, "bytes 18-19/20", "ij"},
		{"/", "Bytes=1-2", 206, "bytes 1-2/20", "12"},
		{"/", "bytes=30-40, 1-2", 206, "bytes 1-2/20", "12"},
		{"/", "bytes=20-", 416, "bytes */20", ""},
		{"/", "bytes=-0", 416, "bytes */20", ""},
		{"/", "bytes=5-2", 200, "", digits},
		{"/", "items=0-4", 200, "", digits},
		{"/", "bytes=x-4", 200, "", digits},
		{"/", "bytes=0-,0-,0-", 200, "", digits},
		{"/empty", "bytes=0-", 416, "bytes */0", ""},
		{"/empty", "bytes=-5", 200, "", ""},
		{"/gone", "bytes=0-4", 404, "", digits},
		{"/nothing", "bytes=0-4", 204, "", ""},
	} {
		e.get(t, tt.target)
		a := e.get(t, tt.target, "Range: "+tt.asked)
		if a.StatusCode != tt.status || a.Header.Get("Content-Range") != tt.contentRange || a.body != tt.body || !strings.HasPrefix(a.cache, "hit") {
			t.Errorf("%s of %s: %d %q %q, %q; want %d %q %q", tt.asked, tt.target,
				a.StatusCode, a.Header.Get("Content-Range"), a.body, a.cache, tt.status, tt.contentRange, tt.body)
		}
		if want := int64(len(tt.body)); tt.status != 204 && a.ContentLength != want {
			t.Errorf("%s of %s: length %d, want %d", tt.asked, tt.target, a.ContentLength, want)
		}
	}
}

// TestPartHasTheFieldsOfTheWhole: RFC 9110, section 15.3.7. What cannot be
// satisfied is an error, which no cache on the way may take for the page.
func TestPartHasTheFieldsOfTheWhole(t *testing.T) {
	t.Parallel()
	e := newEdge(t, newOrigin(t, digitPage), upstream.Config{}, atEight)
	whole := e.get(t, "/").Header.Clone()
	part := e.get(t, "/", "Range: bytes=0-4").Header
	for _, name := range []string{"Date", "Etag", "Last-Modified", "Cache-Control", "Content-Type", "Via"} {
		if diff := cmp.Diff(whole[name], part[name]); diff != "" || len(part[name]) != 1 {
			t.Errorf("%s: %s", name, diff)
		}
	}
	wrong := e.get(t, "/", "Range: bytes=20-").Header
	for _, name := range []string{"Etag", "Last-Modified", "Cache-Control", "Expires", "Content-Type"} {
		if len(wrong[name]) > 0 {
			t.Errorf("the 416 has %s: %q", name, wrong[name])
		}
	}
}

func TestSeveralRanges(t *testing.T) {
	t.Parallel()
	e := newEdge(t, newOrigin(t, digitPage), upstream.Config{}, atEight)
	e.get(t, "/")
	a := e.get(t, "/", "Range: bytes=0-1, 5-5, 99-, -2")
	kind, params, err := mime.ParseMediaType(a.Header.Get("Content-Type"))
	if a.StatusCode != 206 || kind != "multipart/byteranges" || err != nil || a.Header.Get("Content-Range") != "" {
		t.Fatalf("%d %v, %v", a.StatusCode, a.Header, err)
	}
	if a.ContentLength != int64(len(a.body)) {
		t.Errorf("length %d of %d bytes", a.ContentLength, len(a.body))
	}
	var got []string
	parts := multipart.NewReader(strings.NewReader(a.body), params["boundary"])
	for {
		p, err := parts.NextPart()
		if err == io.EOF {
			break
		}
		if err != nil {
			t.Fatalf("%v in %q", err, a.body)
		}
		body, err := io.ReadAll(p)
		got = append(got, fmt.Sprintf("%s %s %s %v", p.Header.Get("Content-Type"), p.Header.Get("Content-Range"), body, err))
	}
	want := []string{"text/plain bytes 0-1/20 01 <nil>", "text/plain bytes 5-5/20 5 <nil>", "text/plain bytes 18-19/20 ij <nil>"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if b := e.get(t, "/", "Range: bytes=0-1,5-5"); b.Header.Get("Content-Type") == a.Header.Get("Content-Type") {
		t.Error("the boundary can be known beforehand")
	}
}

func TestIfRange(t *testing.T) {
	t.Parallel()
	e := newEdge(t, newOrigin(t, digitPage), upstream.Config{}, atEight)
	for _, tt := range []struct {
		target, condition string
		status            int
	}{
		{"/", `"v1"`, 206}, {"/", `"v2"`, 200}, {"/", `W/"v1"`, 200}, {"/", `"v1", "v2"`, 200}, {"/", "*", 200},
		{"/", yesterday, 206}, {"/", eight, 200}, {"/", "Wed, 13 Jan 2027 08:00:00 GMT", 200}, {"/", "soon", 200},
		{"/weak", `"v1"`, 200}, {"/weak", `W/"v1"`, 200}, {"/weak", yesterday, 200},
		{"/just-made", eight, 200}, // it may have changed again within that second
	} {
		e.get(t, tt.target)
		a := e.get(t, tt.target, "Range: bytes=0-4", "If-Range: "+tt.condition)
		if a.StatusCode != tt.status || !strings.HasPrefix(a.cache, "hit") {
			t.Errorf("%s of %s: %d, %q, want %d", tt.condition, tt.target, a.StatusCode, a.cache, tt.status)
		}
		if tt.status == 200 && a.body != digits {
			t.Errorf("%s of %s: %q", tt.condition, tt.target, a.body)
		}
	}
	if a := e.get(t, "/", "Range: bytes=0-4", `If-None-Match: "v1"`); a.StatusCode != 304 {
		t.Errorf("a condition that comes before the range: %d", a.StatusCode)
	}
}

func TestRangesAreForGETAlone(t *testing.T) {
	t.Parallel()
	e := newEdge(t, newOrigin(t, digitPage), upstream.Config{}, atEight)
	e.get(t, "/")
	a := e.do(t.Context(), "HEAD", "/", "Range: bytes=0-4")
	if a.err != nil || a.StatusCode != 200 || a.ContentLength != 20 || a.Header.Get("Content-Range") != "" || !strings.HasPrefix(a.cache, "hit") {
		t.Errorf("HEAD: %d, length %d, %v, %v", a.StatusCode, a.ContentLength, a.Header, a.err)
	}
	if a = e.do(t.Context(), "POST", "/", "Range: bytes=0-4"); a.StatusCode != 200 || a.body != digits || a.cache != "fwd=method; fwd-status=200" {
		t.Errorf("POST: %d %q, %q", a.StatusCode, a.body, a.cache)
	}
}
