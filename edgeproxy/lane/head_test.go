package lane

import (
	"bufio"
	"bytes"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestScan(t *testing.T) {
	t.Parallel()
	const host = "Host: a\r\n"
	for text, want := range map[string]struct {
		verdict verdict
		body    int64
		plain   bool
	}{
		"GET / HTTP/1.1\r\n" + host + "\r\n":                           {framed, 0, true},
		"HEAD /a?b HTTP/1.1\r\nX: 1\r\n" + host + "\r\n":               {framed, 0, true},
		"GET / HTTP/1.1\r\n" + host + "Connection: keep-alive\r\n\r\n": {framed, 0, true},
		"GET / HTTP/1.1\r\n" + host + "Connection: close\r\n\r\n":      {framed, 0, false},
		"GET / HTTP/1.1\r\n" + host + "Pragma: x\r\n\r\n":              {framed, 0, false},
		"GET / HTTP/1.1\r\n" + host + "Content-Length: 0\r\n\r\n":      {framed, 0, false},
		"POST / HTTP/1.1\r\n" + host + "Content-Length: 12\r\n\r\n":    {framed, 12, false},
		"POST / HTTP/1.1\r\n" + host + "\r\n":                          {framed, 0, false},
		"GET / HTTP/1.1\r\n" + host:                                    {verdict: incomplete},
		"GE":                                                           {verdict: incomplete},
		"GET / HTTP/1.1\r\n\r\n":                                       {verdict: opaque},
		"GET / HTTP/1.1\r\n" + host + host + "\r\n":                    {verdict: opaque},
		"GET / HTTP/1.1\n":                                             {verdict: opaque},
		"GET / HTTP/1.1\r\n" + host + "X:1\n":                          {verdict: opaque},
		"GET / HTTP/1.1\r\n" + host + " folded\r\n":                    {verdict: opaque},
		"GET / HTTP/1.1\r\nX : 1\r\n":                                  {verdict: opaque},
		"GET / HTTP/1.1\r\nX: a\rb\r\n":                                {verdict: opaque},
		"GET / HTTP/1.0\r\n":                                           {verdict: opaque},
		"GET  / HTTP/1.1\r\n":                                          {verdict: opaque},
		"GET /%4 HTTP/1.1\r\n":                                         {verdict: opaque},
		"GET * HTTP/1.1\r\n":                                           {verdict: opaque},
		"CONNECT / HTTP/1.1\r\n":                                       {verdict: opaque},
		"\r\nGET / HTTP/1.1\r\n":                                       {verdict: opaque},
		"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n":            {verdict: opaque},
		"POST / HTTP/1.1\r\nContent-Length: +5\r\n":                    {verdict: opaque},
		"POST / HTTP/1.1\r\nContent-Length: 1, 1\r\n":                  {verdict: opaque},
		"POST / HTTP/1.1\r\nContent-Length: 1234567890123456789\r\n":   {verdict: opaque},
		"POST / HTTP/1.1\r\n" + host + strings.Repeat("Content-Length: 5\r\n", 2) + "\r\n": {verdict: opaque},
		"GET / HTTP/1.1\r\nUpgrade: h2c\r\n":                                               {verdict: opaque},
		"GET / HTTP/1.1\r\nExpect: 100-continue\r\n":                                       {verdict: opaque},
	} {
		var e extent
		v := e.scan([]byte(text + "rest"))
		if v != want.verdict {
			t.Errorf("%q: verdict %d, want %d", text, v, want.verdict)
		}
		if v == framed && (e.head != len(text) || e.body != want.body || e.plain != want.plain) {
			t.Errorf("%q: %+v, want %+v", text, e, want)
		}
	}
}

// view is what a handler can tell requests apart by.
type view struct {
	Method, Target, URL, Proto, Host string
	Header                           http.Header
	Length                           int64
	Close                            bool
}

func viewOf(r *http.Request) view {
	return view{r.Method, r.RequestURI, r.URL.String(), r.Proto, r.Host, r.Header, r.ContentLength, r.Close}
}

// What is framed, net/http frames alike or refuses, and what is plain it reads alike.
func FuzzScan(f *testing.F) {
	f.Add([]byte("GET /a?b=%zz HTTP/1.1\r\nHost: a:80\r\nCookie: a\r\ncookie:\tb \r\nX-Empty:\r\n\r\nGET"), uint(9))
	f.Add([]byte("POST /%41 HTTP/1.1\r\nContent-Length: 3\r\nhost: [::1]\r\nConnection: Keep-Alive\r\n\r\nabcPUT"), uint(60))
	f.Add([]byte("HEAD / HTTP/1.1\r\nPragma: no-cache\r\nHost: a\r\nTE: trailers\r\n\r\n"), uint(0))
	f.Fuzz(func(t *testing.T, text []byte, cut uint) {
		var e extent
		if e.scan(text) != framed {
			return
		}
		compareParts(t, text, int(cut%uint(e.head)), e)
		body := int(min(e.body, int64(len(text)-e.head)))
		source := bufio.NewReader(bytes.NewReader(text))
		want, err := http.ReadRequest(source)
		if err != nil {
			t.Fatalf("%q: %v", text, err)
		}
		got, err := io.Copy(io.Discard, want.Body)
		if want.ContentLength != e.body || err == nil && got != e.body || got != int64(body) {
			t.Fatalf("%q: a body of %d, announced %d, and here %d", text, got, want.ContentLength, e.body)
		}
		if rest, _ := io.ReadAll(source); !bytes.Equal(rest, text[e.head+body:]) {
			t.Fatalf("%q: the next begins with %q, not %q", text, rest, text[e.head+body:])
		}
		if e.plain {
			compare(t, string(text[:e.head]), want)
		}
	})
}

// compareParts scans in two steps, the second of which must not see again what the first
// has read: with thousands of steps most of the work would be that.
func compareParts(t *testing.T, text []byte, cut int, whole extent) {
	t.Helper()
	text = bytes.Clone(text)
	var e extent
	if v := e.scan(text[:cut]); v != incomplete {
		t.Fatalf("%q: verdict %d at %d", text, v, cut)
	}
	clear(text[:e.head])
	if v := e.scan(text); v != framed || e != whole {
		t.Fatalf("%q in two parts, of %d and the rest: %d, %+v, want %+v", text, cut, v, e, whole)
	}
}

func compare(t *testing.T, head string, want *http.Request) {
	t.Helper()
	x := exchanges.Get().(*exchange)
	defer x.free()
	r := &http.Request{Proto: "HTTP/1.1", Body: http.NoBody}
	if err := x.read(r, head); err != nil {
		t.Fatalf("%q: %v", head, err)
	}
	delete(want.Header, "Host") // as the server does
	if diff := cmp.Diff(viewOf(want), viewOf(r)); diff != "" {
		t.Fatalf("%q (-net/http +lane)\n%s", head, diff)
	}
}
