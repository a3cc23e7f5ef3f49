package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/netip"
	"net/url"
	"runtime"
	"time"

	edgeclient "github.com/ringcast/ringcast/edgeproxy/client"
	"github.com/ringcast/ringcast/edgeproxy/deny"
	"github.com/ringcast/ringcast/edgeproxy/token"
)

// trustedProxy is the address of the proxy that the gate believes.
const trustedProxy = allowedClient

var errRefused = errors.New("the gate refuses an allowed request")

// gate has the parts of an edge's gate. It puts them together as edgeproxy/server
// does, which has no seam for a benchmark.
type gate struct {
	clients *edgeclient.Resolver
	list    *deny.List
	tokens  *token.Verifier
}

// admit is the order of a request; errRefused if it may not pass.
func (g *gate) admit(r *http.Request, peer netip.Addr) error {
	visitor, err := g.clients.Resolve(peer, r.Header)
	if err != nil {
		return errors.Join(errRefused, err)
	}
	if !visitor.Addr.IsValid() {
		return errRefused
	}
	if _, banned, err := g.list.Check(visitor.Addr); err != nil || banned {
		return errors.Join(errRefused, err)
	}
	verdict := g.tokens.Check(r.Context(), token.Request{Path: r.URL.EscapedPath(), Header: r.Header})
	if verdict.Failure() != token.None {
		return errRefused
	}
	for _, claims := range verdict.Claims {
		if _, revoked, err := g.list.CheckToken(deny.Token(claims)); err != nil || revoked {
			return errors.Join(errRefused, err)
		}
	}
	return nil
}

// ask says what requests look like: by way of the proxy or not, and with how many
// tokens in turn, 0 for none.
type ask struct {
	proxied bool
	tokens  int
}

// request makes a request, of which forwarded and bearer are fields that can be set
// anew without an allocation.
func (a ask) request() (r *http.Request, forwarded, bearer []string) {
	forwarded, bearer = make([]string, 1), make([]string, 1)
	r = &http.Request{
		Method: http.MethodGet, URL: &url.URL{Path: "/articles/17"},
		Header: http.Header{"Accept": {"*/*"}, "User-Agent": {"bench"}},
	}
	if a.proxied {
		r.Header["X-Forwarded-For"] = forwarded
	}
	if a.tokens > 0 {
		r.Header["Authorization"] = bearer
	}
	return r, forwarded, bearer
}

// asks measures the whole gate.
func (g *gates) asks(a ask) func(context.Context) (cost, error) {
	return func(context.Context) (cost, error) {
		if err := g.recall(); err != nil {
			return cost{}, err
		}
		r, forwarded, bearer := a.request()
		proxy := netip.MustParseAddr(trustedProxy)
		return timed(g.requests, func(i int) error {
			peer := g.allowed[i%len(g.allowed)]
			bearer[0] = g.remembered[i%max(a.tokens, 1)]
			if !a.proxied {
				return g.gate.admit(r, peer.addr)
			}
			forwarded[0] = peer.text
			return g.gate.admit(r, proxy)
		})
	}
}

// cost is the nanoseconds of one operation, at the median and for 99 of 100, and
// its allocations.
type cost struct{ p50, p99, allocations float64 }

// timed runs an operation n times, in batches as large as those of a check.
func timed(n int, operation func(i int) error) (cost, error) {
	figures := make([]float64, 0, n/checkBatch+1)
	before := allocations()
	for done := 0; done < n; {
		batch := min(checkBatch, n-done)
		start := time.Now()
		for range batch {
			if err := operation(done); err != nil {
				return cost{}, fmt.Errorf("operation %d: %w", done, err)
			}
			done++
		}
		figures = append(figures, float64(time.Since(start).Nanoseconds())/float64(batch))
	}
	spent := allocations() - before
	l := latencyOf(figures)
	return cost{p50: l.p50, p99: l.p99, allocations: float64(spent) / float64(n)}, nil
}

// allocations counts those of this process so far.
func allocations() uint64 {
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.Mallocs
}
