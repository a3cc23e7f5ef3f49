package server

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// batch makes a unit of events: only the last has the id.
func batch(position int, events ...string) string {
	for i, e := range events[:len(events)-1] {
		_, events[i], _ = strings.Cut(e, "\n")
	}
	last := &events[len(events)-1]
	_, rest, _ := strings.Cut(*last, "\n")
	*last = fmt.Sprintf("id: e1-%d\n%s", position, rest)
	return strings.Join(events, "")
}

func ban(ip string) string {
	return event(0, "ip_banned", `{"ip":"`+ip+`","reason":"abuse","automatic":false,"timestamp":1}`)
}

func unban(ip string) string { return event(0, "ip_unbanned", `{"ip":"`+ip+`","timestamp":1}`) }

func revoke(jti string) string {
	return event(0, "token_revoked", `{"jti":"`+jti+`","reason":"","timestamp":1}`)
}

func restore(jti string) string {
	return event(0, "token_restored", `{"jti":"`+jti+`","timestamp":1}`)
}

func invalidateAll() string {
	return event(0, "cache_invalidated", `{"tags":[],"keys":[],"all":true,"soft":false,"timestamp":1}`)
}

// busy runs ask in some goroutines until the test ends it.
func busy(ask func()) (end func()) {
	var running sync.WaitGroup
	done := make(chan struct{})
	for range 4 {
		running.Go(func() {
			for {
				select {
				case <-done:
					return
				default:
					ask()
				}
			}
		})
	}
	return func() {
		close(done)
		running.Wait()
	}
}

// TestBatchOfBansAndTokens turns two bans and a token about, over and over: at any
// time either the address is banned or its token revoked. A request that saw one half
// of a batch would pass.
func TestBatchOfBansAndTokens(t *testing.T) {
	t.Parallel()
	const turns = 150
	control, more := stream(t, firstSync, batch(2, ban(stranger), ban(banned)))
	edge, _ := start(t, func(c *Config) {
		c.Origin, c.Control = "http://127.0.0.1:1", []string{control}
		gatesOf(t, c)
	})
	waitFor(t, edge, 2)
	until(t, "the keys", edge.tokens.Ready)
	r := httptest.NewRequest(http.MethodGet, "/", nil)
	r.Header.Set("Authorization", sign(time.Hour, `,"jti":"a"`))
	peers := []netip.Addr{netip.MustParseAddr(stranger), netip.MustParseAddr(banned)}
	var asked, passed atomic.Int64
	end := busy(func() {
		if _, refused := edge.gate.admit(r, peers[asked.Add(1)%2], "/"); refused == nil {
			passed.Add(1)
		}
	})
	for turn := range turns {
		position := 10 * (turn + 1)
		if turn%2 == 0 {
			more <- batch(position, unban(stranger), unban(banned), revoke("a"), invalidateAll())
		} else {
			more <- batch(position, invalidateAll(), restore("a"), ban(stranger), ban(banned))
		}
		waitFor(t, edge, uint64(position))
	}
	end()
	if passed.Load() > 0 || asked.Load() < turns {
		t.Errorf("%d of %d requests saw half of a batch", passed.Load(), asked.Load())
	}
}

// TestBatchOfBanAndInvalidation lifts a ban together with the invalidation of a page
// that is not for that client in its old form: whoever is let in gets the new one.
func TestBatchOfBanAndInvalidation(t *testing.T) {
	t.Parallel()
	const turns = 60
	var version, floor atomic.Int64
	site, _ := publicOrigin(t, func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprint(w, version.Load())
	})
	control, more := stream(t, firstSync)
	edge, _ := start(t, func(c *Config) {
		c.Origin, c.Control = site, []string{control}
		loopback(c)
	})
	waitFor(t, edge, 0)
	var got atomic.Int64
	end := busy(func() {
		least := floor.Load()
		a := from(t, stranger, traffic(edge)+"/")
		if a.status != http.StatusOK {
			return
		}
		got.Add(1)
		if page, err := strconv.ParseInt(a.body, 10, 64); err != nil || page < least {
			t.Errorf("let in, and got page %s, want %d at least", a.body, least)
		}
	})
	for turn := range turns {
		position := 10 * (turn + 1)
		more <- batch(position, ban(stranger))
		waitFor(t, edge, uint64(position))
		if a := from(t, allowed, traffic(edge)+"/"); a.status != http.StatusOK { // it is in the cache now
			t.Fatalf("another client: %+v", a)
		}
		floor.Store(version.Add(1))
		more <- batch(position+2, unban(stranger), invalidateAll())
		waitFor(t, edge, uint64(position+2))
		before := got.Load()
		until(t, "somebody is let in", func() bool { return got.Load() > before+4 })
	}
	end()
}

// TestBatchWhileATokenWaitsForKeys: a request whose token has to wait for keys, two
// seconds, holds no batch up, and its token is looked at once.
func TestBatchWhileATokenWaitsForKeys(t *testing.T) {
	t.Parallel()
	down := make(chan struct{})
	keys := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { <-down }))
	t.Cleanup(keys.Close)
	t.Cleanup(func() { close(down) })
	control, more := stream(t, firstSync)
	edge, _ := start(t, func(c *Config) {
		c.Origin, c.Control = "http://127.0.0.1:1", []string{control}
		gatesOf(t, c)
		c.JWTSecretFile, c.JWTJWKS = "", keys.URL
	})
	waitFor(t, edge, 0)
	r := httptest.NewRequest(http.MethodGet, "/", nil)
	r.Header.Set("Authorization", unknownKey)
	answered := make(chan *refusal)
	go func() {
		_, refused := edge.gate.admit(r, netip.MustParseAddr(stranger), "/")
		answered <- refused
	}()
	var longest time.Duration
	for position := 10; ; position += 10 {
		sent := time.Now()
		more <- batch(position, ban(banned), revoke("a"), invalidateAll())
		waitFor(t, edge, uint64(position))
		longest = max(longest, time.Since(sent))
		select {
		case refused := <-answered:
			if refused == nil || refused.status != http.StatusServiceUnavailable {
				t.Errorf("the token without keys: %+v", refused)
			}
			if got := metric(t, edge, `ringcast_edge_token_checks_total{outcome="no_keys"}`); got != "1" {
				t.Errorf("the token was looked at %s times", got)
			}
			if position < 20 || longest > time.Second {
				t.Errorf("one of %d batches waited for %s", position/10, longest)
			}
			return
		default:
		}
	}
}
