package server

import (
	"bufio"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

// The lane changes no answer, no count and nothing that the origin hears: here are an
// edge with it and one without.
func TestLaneChangesNothing(t *testing.T) {
	t.Parallel()
	with, without := startSide(t, true), startSide(t, false)
	rapid.Check(t, func(r *rapid.T) {
		requests := rapid.SliceOfN(rapid.Custom(drawSideRequest), 1, 12).Draw(r, "requests")
		a, b := with.converse(t, requests), without.converse(t, requests)
		if diff := cmp.Diff(b, a); diff != "" {
			r.Fatalf("(-net/http +lane)\n%s", diff)
		}
	})
	if diff := cmp.Diff(without.counts(t), with.counts(t)); diff != "" {
		t.Errorf("counts (-net/http +lane)\n%s", diff)
	}
}

// side is an edge with its origin.
type side struct {
	edge    *Server
	asked   interface{ Load() int64 }
	address string
}

func startSide(t *testing.T, lane bool) *side {
	t.Helper()
	s := new(side)
	site, asked := publicOrigin(t, func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Cache-Control", "public, max-age=3600") // longer than the test, however slow
		h.Set("Etag", `"1"`)
		h.Set("X-Cache-Tags", "a, b")
		switch r.URL.Path {
		case "/vary":
			h.Set("Vary", "Cookie, X-User")
		case "/nostore":
			h.Set("Cache-Control", "no-store")
		case "/gone":
			w.WriteHeader(http.StatusGone)
		case "/long":
			_, _ = io.WriteString(w, strings.Repeat("long", 30_000))
		}
		_, _ = fmt.Fprintf(w, "%s %s %s", r.Method, r.RequestURI, r.Header.Get("X-User"))
	})
	control, _ := stream(t, gateEvents()...)
	s.edge, _ = start(t, func(c *Config) {
		c.Origin, c.Control = site, []string{control}
		gatesOf(t, c)
		c.JWT, c.JWTPath, c.JWTIdentityHeader, c.CacheStatusKey = "optional", []string{"/long=required"}, "X-User", true
		c.AutobanFailures = 0
	})
	waitFor(t, s.edge, gateEventsEnd)
	until(t, "the keys", s.edge.tokens.Ready)
	s.asked, s.address = asked, s.edge.Addr().String()
	if !lane {
		s.address = serveWithout(t, s.edge)
	}
	return s
}

// serveWithout serves an edge's traffic by net/http alone.
func serveWithout(t testing.TB, edge *Server) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	server := newHTTPServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if rest := edge.gate.Begin(w, r); rest != nil {
			rest(w, r)
		}
	}), slog.New(slog.DiscardHandler))
	done := make(chan error, 1)
	go func() { done <- server.Serve(l) }()
	t.Cleanup(func() {
		_ = server.Close()
		<-done
	})
	return l.Addr().String()
}

func drawSideRequest(r *rapid.T) string {
	method := rapid.SampledFrom([]string{"GET", "GET", "GET", "GET", "HEAD", "DELETE"}).Draw(r, "method")
	target := rapid.SampledFrom([]string{"/a", "/a", "/a?q", "/vary", "/nostore", "/gone", "/long", "/%61", "//a"}).Draw(r, "target")
	fields := rapid.SliceOfNDistinct(rapid.SampledFrom([]string{
		"Cookie: a=1", "If-None-Match: \"1\"", "If-None-Match: \"2\"", "If-Match: \"1\"", "Range: bytes=0-3", "Range: bytes=0-1,3-4", "Range: bytes=9999999-",
		"Cache-Control: no-cache", "Cache-Control: only-if-cached", "Cache-Control: max-age=5", "Pragma: no-cache", "Authorization: " + alice(), "Authorization: Bearer x",
		"Authorization: " + sign(1e12, `,"jti":"lost"`), "X-Forwarded-For: " + stranger, "X-Forwarded-For: " + banned, "X-Forwarded-For: " + allowed, "X-Forwarded-Proto: https",
		"Forwarded: for=" + stranger, "X-User: mallory", "Connection: keep-alive", "Connection: x-user", "Content-Length: 0", "Accept-Encoding: gzip", "X_User: 1",
	}), 0, 3, rapid.ID[string]).Draw(r, "fields")
	return strings.Join(append([]string{method + " " + target + " HTTP/1.1", "Host: a.example"}, fields...), "\r\n") + "\r\n\r\n"
}

// told is one answer, and what the origin had been asked by then.
type told struct {
	Request, Answer string
	Asked           int64
}

// changing are the parts of answers that time or chance makes.
var changing = regexp.MustCompile(`(?m)^(Age|Date|Last-Modified): .*$|ttl=-?\d+|boundary=\S+|^--\S+$`)

// converse sends one request after the other on a connection, each when what the last
// stored is there, and the first twice: it is not the lane's.
func (s *side) converse(t *testing.T, requests []string) (all []told) {
	t.Helper()
	conn, err := net.Dial("tcp", s.address)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	answers := bufio.NewReader(conn)
	for _, request := range append(slices.Clone(requests[:1]), requests...) {
		if _, err := io.WriteString(conn, request); err != nil {
			t.Fatal(err)
		}
		method, _, _ := strings.Cut(request, " ")
		resp, err := http.ReadResponse(answers, &http.Request{Method: method})
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(resp.Body)
		if err != nil {
			t.Fatal(err)
		}
		until(t, "the end of the fetch", func() bool { return s.edge.cache.Stats().Fetches == 0 })
		var header strings.Builder
		if err := resp.Header.Write(&header); err != nil {
			t.Fatal(err)
		}
		answer := fmt.Sprintf("%s %v %d\n%s\n%s", resp.Status, resp.TransferEncoding, resp.ContentLength, header.String(), body)
		answer = changing.ReplaceAllString(strings.ReplaceAll(answer, "\r\n", "\n"), "…")
		all = append(all, told{request, answer, s.asked.Load()})
	}
	return all
}

// counts are the metrics of requests.
func (s *side) counts(t *testing.T) (lines []string) {
	t.Helper()
	_, text := get(t, admin(s.edge)+"/metrics")
	for line := range strings.Lines(text) {
		for _, prefix := range []string{"ringcast_edge_requests", "ringcast_edge_cache_outcomes", "ringcast_edge_token"} {
			if strings.HasPrefix(line, prefix) {
				lines = append(lines, line)
			}
		}
	}
	return lines
}
