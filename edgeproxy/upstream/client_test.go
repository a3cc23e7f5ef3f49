package upstream_test

import (
	"fmt"
	"io"
	"net/http"
	"net/netip"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/ringcast/ringcast/edgeproxy/client"
	"github.com/ringcast/ringcast/edgeproxy/upstream"
)

// behind believes proxies on loopback.
func behind() func(*http.Request) client.Client {
	resolver := client.New(client.Config{Trusted: []netip.Prefix{
		netip.MustParsePrefix("127.0.0.0/8"), netip.MustParsePrefix("::1/128"), netip.MustParsePrefix("10.0.0.0/8"),
	}})
	return func(r *http.Request) client.Client {
		c, err := resolver.Resolve(netip.MustParseAddrPort(r.RemoteAddr).Addr(), r.Header)
		if err != nil {
			panic(err)
		}
		return c
	}
}

func TestWhatTheOriginHearsOfTheClient(t *testing.T) {
	t.Parallel()
	var got atomic.Pointer[http.Header]
	origin := newOrigin(t, func(_ http.ResponseWriter, r *http.Request) { got.Store(&r.Header) })
	believes := newEdge(t, origin, upstream.Config{Client: behind()}, nil)
	believesNobody := newEdge(t, origin, upstream.Config{}, nil)
	for _, tt := range []struct {
		name        string
		e           *edge
		fields      []string
		chain, with string
	}{
		{"no proxy", believesNobody, nil, "127.0.0.1", "http"},
		{"a spoofed one", believesNobody, []string{"X-Forwarded-For: 6.6.6.6", "X-Forwarded-Proto: https", "Forwarded: for=6.6.6.6;proto=https"}, "127.0.0.1", "http"},
		{"a proxy that says nothing", believes, nil, "127.0.0.1", "http"},
		{"one that says who", believes, []string{"X-Forwarded-For: 6.6.6.6, 9.9.9.9"}, "9.9.9.9, 127.0.0.1", "http"},
		{"… and how", believes, []string{"X-Forwarded-For: 6.6.6.6, 9.9.9.9", "X-Forwarded-Proto: https"}, "9.9.9.9, 127.0.0.1", "https"},
		{"… and for which host", believes, []string{"X-Forwarded-For: 9.9.9.9", "X-Forwarded-Host: evil"}, "9.9.9.9, 127.0.0.1", "http"},
		{"several", believes, []string{"X-Forwarded-For: 6.6.6.6, 9.9.9.9, 10.0.0.2"}, "9.9.9.9, 10.0.0.2, 127.0.0.1", "http"},
		{"Forwarded", believes, []string{`Forwarded: for=6.6.6.6, for="[2001:db8::1]:80";proto=https;host=evil`}, "2001:db8::1, 127.0.0.1", "https"},
		{"named by Connection", believes, []string{"X-Forwarded-For: 9.9.9.9", "Connection: X-Forwarded-For"}, "9.9.9.9, 127.0.0.1", "http"},
	} {
		a := tt.e.get(t, "/"+strings.ReplaceAll(tt.name, " ", "+"), append(tt.fields, "User-Agent: x")...)
		want := http.Header{
			"Via": {"1.1 ringcast"}, "User-Agent": {"x"}, "X-Forwarded-For": {tt.chain},
			"X-Forwarded-Host": {strings.TrimPrefix(tt.e.url, "http://")}, "X-Forwarded-Proto": {tt.with},
		}
		if diff := cmp.Diff(want, *got.Swap(nil)); diff != "" || a.StatusCode != http.StatusOK {
			t.Errorf("%s: %d, header (-want +got):\n%s", tt.name, a.StatusCode, diff)
		}
	}
}

// TestTwinsOfUnkeyedFieldsAreDropped: origins that read fields as CGI gives them make
// one of both.
func TestTwinsOfUnkeyedFieldsAreDropped(t *testing.T) {
	t.Parallel()
	var got atomic.Pointer[http.Header]
	e := newEdge(t, newOrigin(t, func(_ http.ResponseWriter, r *http.Request) { got.Store(&r.Header) }), upstream.Config{}, nil)
	request := "GET / HTTP/1.1\r\nHost: h\r\nConnection: close\r\nX-Other: kept\r\n" +
		"XForwarded-For: kept\r\nX-Originals-Url: kept\r\napi-key: kept\r\n"
	for _, name := range []string{
		"X_Forwarded_For", "x_forwarded_host", "X-Forwarded_Proto", "X_Forwarded-Anything", "x.forwarded.host", "X_Original_Url", "x_rewrite_url",
		"X_HTTP_Method_Override", "X-HTTP_Method", "x_method_override", "X_REAL_IP", "X_Host", "Front_End_Https", "x_url_scheme", "X_Original_Host",
		"X_HTTP_Host_Override", "X~Real~IP", "X_Forwarded_", "X-Forwarded", "Accept_Language", "If_None_Match", "api_key",
		"True-Client-IP", "CF-Connecting-IP", "Fastly-Client-IP", "Client-IP", "X-Client-IP", "X-Cluster-Client-IP", "X-Original-URI",
		"X-HTTP-Host", "X-Forward-Host", "X-Scheme", "X-Script-Name", "Base-URL",
	} {
		request += name + ": evil\r\n"
	}
	e.raw(t, request+"\r\n")
	kept := 0
	for name, values := range *got.Load() {
		switch values[0] {
		case "evil":
			t.Errorf("the origin sees %s", name)
		case "kept":
			kept++
		}
	}
	if kept != 4 {
		t.Errorf("%d other fields are left: %v", kept, *got.Load())
	}
}

// TestSchemeIsKeyed: what a trusted proxy says of it is what the origin hears and
// what the cache tells responses apart by, also in the background.
func TestSchemeIsKeyed(t *testing.T) {
	t.Parallel()
	var asked atomic.Int64
	var clock atomic.Int64
	clock.Store(time.Now().Truncate(time.Second).UnixNano())
	e := newEdge(t, newOrigin(t, func(w http.ResponseWriter, r *http.Request) {
		asked.Add(1)
		w.Header().Set("Date", time.Unix(0, clock.Load()).UTC().Format(http.TimeFormat))
		w.Header().Set("Cache-Control", "max-age=10, stale-while-revalidate=1000")
		_, _ = io.WriteString(w, r.Header.Get("X-Forwarded-Proto"))
	}), upstream.Config{Client: behind()}, func() time.Time { return time.Unix(0, clock.Load()) })
	for i := range 2 {
		for _, scheme := range []string{"http", "https"} {
			a := e.get(t, "/", "X-Forwarded-For: 9.9.9.9", "X-Forwarded-Proto: "+scheme)
			if a.body != scheme || strings.HasPrefix(a.cache, "hit") != (i == 1) {
				t.Errorf("%s, %d: %q, %q", scheme, i, a.body, a.cache)
			}
		}
	}
	clock.Add(int64(20 * time.Second))
	secure := []string{"X-Forwarded-For: 9.9.9.9", "X-Forwarded-Proto: https"}
	if a := e.get(t, "/", secure...); !strings.HasPrefix(a.cache, "hit; ttl=-10") {
		t.Fatalf("stale: %q", a.cache)
	}
	for start := time.Now(); ; {
		a := e.get(t, "/", secure...)
		if a.body != "https" {
			t.Fatalf("refreshed: %q, %q", a.body, a.cache)
		}
		if strings.HasPrefix(a.cache, "hit; ttl=10") {
			break
		}
		if time.Since(start) > 10*time.Second {
			t.Fatalf("not refreshed: %q", a.cache)
		}
	}
	if n := asked.Load(); n != 3 {
		t.Errorf("the origin was asked %d times", n)
	}
	if a := e.get(t, "/"); !strings.HasPrefix(a.cache, "hit; ttl=-10") || a.body != "http" {
		t.Errorf("of the other scheme: %q, %q", a.body, a.cache)
	}
}

// TestPreloadsAreKeyedAsClientsAsk: a path that is preloaded for a host that clients
// reach by a proxy with TLS is a hit for them.
func TestPreloadsAreKeyedAsClientsAsk(t *testing.T) {
	t.Parallel()
	e := newEdge(t, newOrigin(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Cache-Control", "max-age=60")
		_, _ = io.WriteString(w, r.Header.Get("X-Forwarded-Proto"))
	}), upstream.Config{Client: behind()}, nil)
	secure := []string{"X-Forwarded-For: 9.9.9.9", "X-Forwarded-Proto: https"}
	for i := range 5 { // so that the host counts
		e.get(t, fmt.Sprint("/", i), secure...)
	}
	for route, target := range map[string]string{"/path": "/path", e.url + "/url": "/url"} {
		e.preload(t, route)
		if a := e.get(t, target, secure...); a.body != "https" || !strings.HasPrefix(a.cache, "hit") {
			t.Errorf("%s: %q, %q", route, a.body, a.cache)
		}
	}
}

// TestDroppedFieldsMakeNoVariants: what the origin does not see is not compared.
func TestDroppedFieldsMakeNoVariants(t *testing.T) {
	t.Parallel()
	e := newEdge(t, newOrigin(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Cache-Control", "max-age=60")
		w.Header().Set("Vary", "X-Real-Ip")
	}), upstream.Config{}, nil)
	e.get(t, "/", "X-Real-IP: 6.6.6.6")
	if a := e.get(t, "/"); !strings.HasPrefix(a.cache, "hit") {
		t.Errorf("got %q", a.cache)
	}
}
