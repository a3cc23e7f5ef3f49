package origin

import (
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

// script is what an origin answers to /0, /1 and so on, and after which of them it
// closes the connection.
type script struct {
	answers []string
	closes  []bool
}

func (s script) handle(p *peer) {
	for target := p.request(); target != ""; target = p.request() {
		i, _ := strconv.Atoi(strings.TrimPrefix(target, "/"))
		p.say(s.answers[i])
		if s.closes[i] {
			return
		}
	}
}

// drawAnswer gives an answer, and whether it ends by itself for sure. What follows such
// an end, or does not come, shows only when the connection closes.
func drawAnswer(t *rapid.T) (answer string, framed bool) {
	pick := func(label string, from ...string) string { return rapid.SampledFrom(from).Draw(t, label) }
	var b strings.Builder
	for range rapid.IntRange(0, 2).Draw(t, "interim") {
		b.WriteString(pick("before", "HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n", "HTTP/1.1 102 P\r\n\r\n", "HTTP/1.1 100 Continue\r\n\r\n"))
	}
	status := pick("version", "HTTP/1.1", "HTTP/1.1", "HTTP/1.1", "HTTP/1.0", "HTTP/2.0", "HTTP/1", "http/1.1") +
		pick("status", " 200 OK", " 200 OK", " 206 Partial", " 204 No Content", " 304 Not Modified", " 404", " 500 ", " 999 x", " 2x0 OK", " 101 S")
	b.WriteString(status + "\r\n")
	for range rapid.IntRange(0, 2).Draw(t, "fields") {
		b.WriteString(pick("field", "X-A: 1\r\n", "x-a:  2 \r\n", "X-B:\r\n", "Connection: close\r\n", "Connection: keep-alive\r\n",
			"Connection: x-a, Close\r\n", "Trailer: X-T\r\n", "Content-Encoding: gzip\r\n", "Set-Cookie: a=b\r\n", "No colon\r\n", "Bad Name: x\r\n", " folded\r\n"))
	}
	framed = writeBody(t, &b, pick) && strings.HasPrefix(status, "HTTP/1.1") && !slices.Contains([]string{"101", "204", "304"}, status[9:12])
	if rapid.IntRange(0, 9).Draw(t, "cut") == 0 {
		whole := b.String()
		return whole[:rapid.IntRange(0, len(whole)-1).Draw(t, "at")], false
	}
	return b.String(), framed
}

func writeBody(t *rapid.T, b *strings.Builder, pick func(string, ...string) string) (framed bool) {
	body := strings.Repeat("b", rapid.SampledFrom([]int{0, 1, 7, 15}).Draw(t, "length"))
	switch pick("framing", "length", "length", "chunked", "chunked", "close", "odd", "junk") {
	case "length":
		fmt.Fprintf(b, "Content-Length: %d\r\n\r\n%s", len(body), body)
		return true
	case "chunked":
		b.WriteString("Transfer-Encoding: chunked\r\n\r\n")
		if body != "" {
			b.WriteString(chunk(body) + chunk("x"))
		}
		b.WriteString("0\r\n" + pick("trailer", "", "X-T: 1\r\n", "X-T: 1\r\nX-U: 2\r\n", "X T\r\n") + "\r\n")
		return true
	case "close":
		b.WriteString("\r\n" + body)
	case "odd":
		b.WriteString(pick("odd", "Content-Length: 5\r\nContent-Length: 6\r\n", "Content-Length: 2\r\nContent-Length: 2\r\n", "Content-Length: -1\r\n",
			"Content-Length: 1x\r\n", "Content-Length: 99\r\n", "Content-Length: 2\r\n", "Content-Length: 3\r\nTransfer-Encoding: chunked\r\n",
			"Transfer-Encoding: gzip\r\n", "Transfer-Encoding: chunked, chunked\r\n") + "\r\n" + body)
	case "junk":
		b.WriteString("Transfer-Encoding: chunked\r\n\r\n" + pick("junk", "zz\r\nb\r\n", "5\r\nb\r\n0\r\n\r\n", "1\r\nbb\r\n0\r\n\r\n", "-1\r\n", "1;x=y\r\nb\r\n0\r\n\r\n",
			"ffffffffffffffffff\r\n", "1\nb\n0\n\n", "0\r\n", "\r\n\r\n"))
	}
	return false
}

// TestLikeTheLibrary: of any sequence of answers the same is seen as through net/http's
// own transport. What follows an answer unasked has a test of its own, since there that one
// depends on luck.
func TestLikeTheLibrary(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		var s script
		var methods []string
		for range rapid.IntRange(1, 4).Draw(rt, "requests") {
			answer, framed := drawAnswer(rt)
			method := rapid.SampledFrom([]string{"GET", "GET", "HEAD"}).Draw(rt, "method")
			// An answer to HEAD has no body; here it has, at times, to be left over.
			if method == "HEAD" {
				framed = false
			}
			s.answers, s.closes = append(s.answers, answer), append(s.closes, !framed || rapid.Bool().Draw(rt, "closes"))
			methods = append(methods, method)
		}
		library := &http.Transport{MaxIdleConnsPerHost: 8, DisableCompression: true}
		defer library.CloseIdleConnections()
		address, _ := listen(rt, s.handle)
		ours, theirs := newTransport(rt, address), &to{library, address}
		for i, method := range methods {
			target := "/" + strconv.Itoa(i)
			got, gotErr := ask(rt.Context(), ours, method, target)
			want, wantErr := ask(rt.Context(), theirs, method, target)
			if diff := cmp.Diff(want, got); diff != "" {
				rt.Fatalf("%s %q (-library %v, +ours %v):\n%s", method, s.answers[i], wantErr, gotErr, diff)
			}
			if s.closes[i] { // the library may take what is left for the next answer
				library.CloseIdleConnections()
			}
		}
	})
}

// to sends the library's requests to the same origin.
type to struct {
	*http.Transport
	address string
}

func (d *to) RoundTrip(r *http.Request) (*http.Response, error) {
	r = r.Clone(r.Context())
	r.URL.Host, r.Host = d.address, "origin"
	return d.Transport.RoundTrip(r)
}
