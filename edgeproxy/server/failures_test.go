package server

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"
)

// tracked is the number of clients that have a failure.
const tracked = "ringcast_edge_autoban_tracked"

// Refused tokens count as failures of the client, on either listener; what is no
// fault of the client's, and what a ban or a conflict answers, does not.
func TestWhatCountsAsAFailure(t *testing.T) {
	t.Parallel()
	down := httptest.NewServer(http.NotFoundHandler())
	t.Cleanup(down.Close)
	failures := func(c *Config) { c.AutobanFailures = 255 }
	for name, row := range map[string]struct {
		change                    func(*Config)
		address, forwarded, token string
		status                    int
		counts                    string
	}{
		"no token":       {failures, stranger, "", "", 401, "2"},
		"a bad token":    {failures, stranger, "", "Bearer x", 401, "2"},
		"an old token":   {failures, stranger, "", sign(-time.Hour, ""), 401, "2"},
		"a revoked one":  {failures, stranger, "", sign(time.Hour, `,"jti":"lost"`), 401, "2"},
		"a good one":     {failures, stranger, "", alice(), 200, "0"},
		"a ban":          {failures, banned, "", "", 403, "0"},
		"a conflict":     {failures, stranger, "for=" + banned, "", 400, "0"},
		"switched off":   {func(*Config) {}, stranger, "", "", 401, "0"},
		"stale":          {func(c *Config) { c.AutobanFailures, c.OnStale, c.MaxStaleness = 255, staleDeny, soon }, stranger, "", "", 503, "0"},
		"keys not there": {func(c *Config) { c.AutobanFailures, c.JWTSecretFile, c.JWTJWKS = 255, "", down.URL }, stranger, "", unknownKey, 503, "0"},
	} {
		edge := startGateWithoutKeys(t, row.change)
		if name != "keys not there" {
			until(t, "the keys", edge.tokens.Ready)
		}
		for i, url := range []string{traffic(edge) + "/", admin(edge) + "/check"} {
			address := row.address + []string{"", "1"}[i] // another client
			a := from(t, address, url, "Forwarded", row.forwarded, "Authorization", row.token, "X-Original-URI", "/")
			if a.status != row.status && (a.status != http.StatusNoContent || row.status != http.StatusOK) {
				t.Errorf("%s: %s answers %d %s, want %d", name, url, a.status, a.body, row.status)
			}
		}
		if got := metric(t, edge, tracked); got != row.counts {
			t.Errorf("%s: %s clients have failures, want %s", name, got, row.counts)
		}
	}
}

// Of the edge's own answers those count that are of the client's doing, if they are named;
// not those that tell of the origin.
func TestOwnAnswersCount(t *testing.T) {
	t.Parallel()
	statuses := []string{"400", "405", "413", "502", "504"}
	gone := httptest.NewServer(http.NotFoundHandler())
	gone.Close()
	for name, row := range map[string]struct {
		request string
		status  int
		refused string
		named   []string
		counts  string
	}{
		"method":      {"TRACE / HTTP/1.1\r\nHost: h\r\n", 405, "method_not_allowed", statuses, "1"},
		"target":      {"GET x:opaque HTTP/1.1\r\nHost: h\r\n", 400, "bad_request", statuses, "1"},
		"long":        {"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 11\r\n", 413, "body_too_large", statuses, "1"},
		"not named":   {"TRACE / HTTP/1.1\r\nHost: h\r\n", 405, "method_not_allowed", []string{"400"}, "0"},
		"unreachable": {"GET / HTTP/1.1\r\nHost: h\r\n", 502, "", statuses, "0"},
		"not stored":  {"GET / HTTP/1.1\r\nHost: h\r\nCache-Control: only-if-cached\r\n", 504, "", statuses, "0"},
	} {
		edge := startGate(t, func(c *Config) {
			c.Origin, c.JWT, c.AutobanFailures, c.AutobanStatuses, c.MaxRequestBody = gone.URL, "off", 255, row.named, 10
		})
		if status := raw(t, edge, row.request); status != row.status {
			t.Errorf("%s: %d", name, status)
		}
		if got := metric(t, edge, tracked); got != row.counts {
			t.Errorf("%s: %s clients have failures", name, got)
		}
		if row.refused == "" {
			continue
		}
		if got := metric(t, edge, `ringcast_edge_requests_refused_total{error="`+row.refused+`"}`); got != "1" {
			t.Errorf("%s: %s are counted", name, got)
		}
	}
}

// raw sends what net/http's client would not, and gives the status of the answer.
func raw(t *testing.T, edge *Server, header string) int {
	t.Helper()
	conn, err := net.Dial("tcp", edge.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if _, err := io.WriteString(conn, header+"Connection: close\r\n\r\n"); err != nil {
		t.Fatal(err)
	}
	answer, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	return answer.StatusCode
}

// The answers that are named count, from the origin and from the cache.
func TestStatusesCount(t *testing.T) {
	t.Parallel()
	site, asked := publicOrigin(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/wp-login.php" {
			w.WriteHeader(http.StatusNotFound)
		}
	})
	edge := startGate(t, func(c *Config) {
		c.Origin, c.JWT, c.AutobanFailures, c.AutobanStatuses = site, "off", 3, []string{"404"}
	})
	for range 3 {
		from(t, stranger, traffic(edge)+"/")
	}
	if got := metric(t, edge, tracked); got != "0" {
		t.Errorf("%s clients have failures", got)
	}
	for range 3 {
		from(t, stranger, traffic(edge)+"/wp-login.php")
	}
	until(t, "a ban", func() bool { return edge.Status().Autobans == 1 })
	if n := asked.Load(); n != 2 {
		t.Errorf("the origin was asked %d times", n)
	}
	a := from(t, stranger, traffic(edge)+"/")
	a.refuses(t, "the client", http.StatusForbidden, `{"error":"ip_banned","reason":"too many failed requests"}`)
}

// Who fails too often is banned by this edge, for a while, with his /64, until an
// unban; others and those whom an entry allows are not, nor is a proxy.
func TestAutoban(t *testing.T) {
	t.Parallel()
	site, _ := publicOrigin(t, nil)
	control, more := stream(t, gateEvents()...)
	edge, _ := start(t, func(c *Config) {
		c.Origin, c.Control, c.AutobanFailures = site, []string{control}, 3
		gatesOf(t, c)
	})
	waitFor(t, edge, gateEventsEnd)
	until(t, "the keys", edge.tokens.Ready)
	fail := func(address string) {
		for range 3 {
			from(t, address, traffic(edge)+"/")
		}
	}
	const results = "ringcast_edge_autobans_total"
	for n, address := range []string{allowed, exempt, "127.0.0.3"} {
		fail(address)
		until(t, address+" is exempt", func() bool { return edge.warden.Stats().Exempt == uint64(n)+1 })
		if a := from(t, address, traffic(edge)+"/", "Authorization", alice()); a.status != http.StatusOK {
			t.Errorf("%s: %+v", address, a)
		}
	}
	fail("2001:db8::1")
	until(t, "a ban", func() bool { return edge.Status().Autobans == 1 })
	for address, want := range map[string]int{"2001:db8::1": 403, "2001:db8::ffff:1": 403, "2001:db8:0:1::1": 200, stranger: 200} {
		if a := from(t, address, traffic(edge)+"/", "Authorization", alice()); a.status != want {
			t.Errorf("%s: %d %s, want %d", address, a.status, a.body, want)
		}
	}
	if got := metric(t, edge, results+`{result="banned"}`) + metric(t, edge, results+`{result="exempt"}`); got != "13" {
		t.Errorf("metrics say %s", got)
	}
	unbans := []struct {
		timestamp int64
		status    int
	}{{1, http.StatusForbidden}, {time.Now().Unix(), http.StatusOK}} // the first is of before the ban
	for n, unban := range unbans {
		position := gateEventsEnd + 1 + n
		more <- event(position, "ip_unbanned", fmt.Sprintf(`{"ip":"2001:db8::/64","timestamp":%d}`, unban.timestamp))
		waitFor(t, edge, uint64(position))
		if a := from(t, "2001:db8::1", traffic(edge)+"/", "Authorization", alice()); a.status != unban.status {
			t.Errorf("after the unban at %d: %+v", unban.timestamp, a)
		}
	}
}
