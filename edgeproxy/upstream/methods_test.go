package upstream_test

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/ringcast/ringcast/edgeproxy/upstream"
)

// as asks with another Host field.
func (e *edge) as(t testing.TB, host, method, target string, fields ...string) answer {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, e.url+target, nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Host = host
	for _, field := range fields {
		name, value, _ := strings.Cut(field, ": ")
		r.Header.Add(name, value)
	}
	a := e.send(r)
	if a.err != nil {
		t.Fatal(a.err)
	}
	return a
}

func TestHEADIsAnsweredFromWhatIsStored(t *testing.T) {
	t.Parallel()
	var asked atomic.Pointer[string]
	e := newEdge(t, newOrigin(t, func(w http.ResponseWriter, r *http.Request) {
		asked.Store(&r.Method)
		digitPage(w, r)
	}), upstream.Config{}, atEight)
	for _, tt := range []struct {
		target string
		status int
		length int64
	}{{"/", 200, 20}, {"/gone", 404, 20}, {"/nothing", 204, -1}, {"/empty", 200, 0}, {"/weak", 200, 20}} {
		miss := e.do(t.Context(), "HEAD", tt.target)
		if miss.err != nil || miss.StatusCode != tt.status || *asked.Load() != "HEAD" || strings.Contains(miss.cache, "stored") {
			t.Errorf("%s, not stored: %d, %q, %v", tt.target, miss.StatusCode, miss.cache, miss.err)
		}
		if a := e.get(t, tt.target); !strings.HasPrefix(a.cache, "fwd=uri-miss") {
			t.Errorf("%s: HEAD stored something: %q", tt.target, a.cache)
		}
		asked.Store(nil)
		hit := e.do(t.Context(), "HEAD", tt.target)
		if hit.err != nil || hit.StatusCode != tt.status || hit.ContentLength != tt.length || hit.body != "" || hit.cache != "hit; ttl=60" || asked.Load() != nil {
			t.Errorf("%s, stored: %d, length %d, %q, %q, %v", tt.target, hit.StatusCode, hit.ContentLength, hit.body, hit.cache, hit.err)
		}
		for _, name := range []string{"Etag", "Last-Modified", "Content-Type", "Cache-Control"} {
			if hit.Header.Get(name) != miss.Header.Get(name) {
				t.Errorf("%s: %s is %q, of the origin %q", tt.target, name, hit.Header.Get(name), miss.Header.Get(name))
			}
		}
	}
	if a := e.do(t.Context(), "HEAD", "/", `If-None-Match: "v1"`); a.StatusCode != 304 || !strings.HasPrefix(a.cache, "hit") {
		t.Errorf("a condition: %d, %q", a.StatusCode, a.cache)
	}
}

// TestHEADOfAnotherVersion: RFC 9111, section 4.3.5.
func TestHEADOfAnotherVersion(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		was, is func(h http.Header) int
		want    string // of the GET afterwards
	}{
		"the same":       {tagged(`"1"`, "x"), tagged(`"1"`, "x"), "hit; ttl=10"},
		"another tag":    {tagged(`"1"`, "x"), tagged(`"2"`, "x"), "fwd=uri-miss; fwd-status=200; stored"},
		"another length": {tagged(`"1"`, "x"), tagged(`"1"`, "xx"), "fwd=uri-miss; fwd-status=200; stored"},
		"an error then":  {missing, tagged("", "x"), "fwd=uri-miss; fwd-status=200; stored"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var now atomic.Int64
			e := newEdge(t, newOrigin(t, func(w http.ResponseWriter, r *http.Request) {
				w.Header()["Date"] = nil
				w.Header().Set("Cache-Control", "max-age=10")
				respond := tt.was
				if now.Load() > 0 {
					respond = tt.is
				}
				w.WriteHeader(respond(w.Header()))
				_, _ = io.WriteString(w, strings.Repeat("x", len(w.Header().Get("X"))))
			}), upstream.Config{}, func() time.Time { return time.Unix(1_800_000_000+now.Load(), 0) })
			e.get(t, "/")
			now.Store(15)
			if a := e.do(t.Context(), "HEAD", "/"); a.err != nil || a.cache != "fwd=stale; fwd-status=200" {
				t.Errorf("HEAD: %q, %v", a.cache, a.err)
			}
			if a := e.get(t, "/"); a.cache != tt.want || a.StatusCode != 200 {
				t.Errorf("GET: %d, %q, want %q", a.StatusCode, a.cache, tt.want)
			}
		})
	}
}

// tagged is a page whose body is as long as x.
func tagged(tag, x string) func(http.Header) int {
	return func(h http.Header) int {
		if tag != "" {
			h.Set("ETag", tag)
		}
		h.Set("X", x)
		h.Set("Content-Length", fmt.Sprint(len(x)))
		return 200
	}
}

func missing(h http.Header) int {
	h.Set("X", "x")
	h.Set("Content-Length", "1")
	return 404
}

// TestWhatAnUnsafeMethodChanged: RFC 9111, section 4.4. The request goes to /dir/act.
func TestWhatAnUnsafeMethodChanged(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		method, status, field string // @ is the host that was asked
		want                  string // of the pages below, those that are gone
	}{
		{"POST", "200", "", ""},
		{"POST", "201", "Location: /dir/page", "/dir/page"},
		{"POST", "201", "Location: page", "/dir/page"},
		{"POST", "201", "Location: ./page#part", "/dir/page"},
		{"POST", "201", "Location: ../page", "/page"},
		{"POST", "303", "Location: page?q", "/dir/page?q"},
		{"POST", "204", "Location: http://@/dir/page", "/dir/page"},
		{"POST", "204", "Location: HTTP://@:80/dir/page", "/dir/page"},
		{"POST", "204", "Location: //@/dir/page", "/dir/page"},
		{"POST", "204", "Location: http://user@@/dir/page", "/dir/page"},
		{"PUT", "200", "Content-Location: page", "/dir/page"},
		{"DELETE", "202", "Content-Location: /page", "/page"},
		{"WHATEVER", "200", "Location: page", "/dir/page"},
		{"POST", "204", "Location: http://other.example/dir/page", ""},
		{"POST", "204", "Location: http://@:81/dir/page", ""},
		{"POST", "204", "Location: https://@/dir/page", "/dir/page"}, // by way of a proxy that ends TLS
		{"POST", "204", "Location: https://@:443/dir/page", "/dir/page"},
		{"POST", "204", "Location: https://@:8443/dir/page", ""},
		{"POST", "204", "Location: https://other.example/dir/page", ""},
		{"POST", "204", "Location: //other.example/dir/page", ""},
		{"POST", "204", "Location: mailto:page", ""},
		{"POST", "204", "Location: %zz", ""},
		{"POST", "400", "Location: page", ""},
		{"POST", "500", "Content-Location: page", ""},
		{"GET", "200", "Content-Location: page", ""},
		{"HEAD", "200", "Content-Location: page", ""},
		{"OPTIONS", "200", "Location: page", ""},
	} {
		t.Run(tt.method+" "+tt.status+" "+tt.field, func(t *testing.T) {
			t.Parallel()
			unsafely(t, tt.method, tt.status, tt.field, tt.want)
		})
	}
}

func unsafely(t *testing.T, method, status, field, want string) {
	const host = "www.example"
	var version atomic.Int64
	e := newEdge(t, newOrigin(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/dir/act" {
			name, value, _ := strings.Cut(strings.ReplaceAll(field, "@", host), ": ")
			if strings.Contains(field, "user") {
				value = "http://user@" + host + "/dir/page"
			}
			if name != "" {
				w.Header().Set(name, value)
			}
			var code int
			_, _ = fmt.Sscan(status, &code)
			w.WriteHeader(code)
			return
		}
		w.Header().Set("Cache-Control", "max-age=60")
		_, _ = fmt.Fprint(w, version.Add(1))
	}), upstream.Config{}, nil)
	e.client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	pages := []string{"/dir/page", "/dir/page?q", "/page", "/"}
	hosts := []string{host, "other.example", host + ":81"}
	for _, h := range hosts {
		for _, page := range pages {
			e.as(t, h, "GET", page)
		}
	}
	e.as(t, host, method, "/dir/act")
	var gone []string
	for _, h := range hosts {
		for _, page := range pages {
			if a := e.as(t, h, "GET", page); !strings.HasPrefix(a.cache, "hit") {
				gone = append(gone, strings.TrimPrefix(h, host)+page)
			}
		}
	}
	if got := strings.Join(gone, " "); got != want {
		t.Errorf("gone: %q, want %q", got, want)
	}
}
