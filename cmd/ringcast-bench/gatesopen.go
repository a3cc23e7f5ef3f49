package main

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"log/slog"
	"net/netip"
	"os"
	"path/filepath"

	edgeclient "github.com/ringcast/ringcast/edgeproxy/client"
	"github.com/ringcast/ringcast/edgeproxy/deny"
	"github.com/ringcast/ringcast/edgeproxy/token"
)

// person is a client, by its address and by that as text.
type person struct {
	addr netip.Addr
	text string
}

// open makes the gate, of which end gives up everything.
func (g *gates) open(ctx context.Context, b *bench) (end func() error, err error) {
	b.say("banning %d addresses and revoking %d tokens", g.bans, g.revocations)
	dir := filepath.Join(b.dir, "gate")
	if err := os.Mkdir(dir, 0o700); err != nil {
		return nil, err
	}
	list, s, err := openDenyList(ctx, dir)
	if err != nil {
		return nil, err
	}
	if err := reset(ctx, s, both(banEvents(g.bans), revocationEvents(g.revocations))); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	if c := list.Counts(); c.Prefixes != g.bans || c.Revocations != g.revocations {
		return nil, errors.Join(fmt.Errorf("the deny list has %d prefixes and %d revocations", c.Prefixes, c.Revocations), s.Close())
	}
	stop, err := g.startVerifier(ctx, dir)
	if err != nil {
		return nil, errors.Join(err, s.Close())
	}
	trusted := []netip.Prefix{prefixOf(netip.MustParseAddr(trustedProxy))}
	g.gate.clients, g.gate.list = edgeclient.New(edgeclient.Config{Trusted: trusted}), list
	for i := range g.clients {
		addr := address(g.bans + i)
		g.allowed = append(g.allowed, person{addr, addr.String()})
	}
	for range g.tokens {
		g.remembered = append(g.remembered, g.mint.token())
	}
	return func() error { return errors.Join(stop(), s.Close()) }, nil
}

func both(first, second iter.Seq[any]) iter.Seq[any] {
	return func(yield func(any) bool) {
		for event := range first {
			if !yield(event) {
				return
			}
		}
		second(yield)
	}
}

// startVerifier makes the issuer of the tokens and what verifies them, where a
// request may have a token. stop waits for its end.
func (g *gates) startVerifier(ctx context.Context, dir string) (stop func() error, err error) {
	if g.mint, err = newMint(); err != nil {
		return nil, err
	}
	jwks := filepath.Join(dir, "jwks.json")
	if err := os.WriteFile(jwks, g.mint.jwks(), 0o600); err != nil {
		return nil, err
	}
	verifier, err := token.New(token.Config{
		Mode: token.Optional.String(), JWKS: jwks, Issuer: mintIssuer, Audiences: []string{mintAudience}, Algorithms: []string{"ES256"},
		Leeway: token.DefaultConfig().Leeway,
	}, token.Deps{Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithCancel(ctx)
	done := make(chan error, 1)
	go func() { done <- verifier.Run(ctx) }()
	stop = func() error {
		cancel()
		return <-done
	}
	for !verifier.Ready() && len(done) == 0 {
		pause(ctx, pollEvery)
		if ctx.Err() != nil {
			return nil, stop()
		}
	}
	if len(done) > 0 {
		return nil, stop()
	}
	g.gate = &gate{tokens: verifier}
	return stop, nil
}

// checkRefusals makes sure that what is measured refuses what it has to.
func (g *gates) checkRefusals(ctx context.Context) error {
	r, forwarded, bearer := ask{proxied: true, tokens: 1}.request()
	proxy := netip.MustParseAddr(trustedProxy)
	admits := func(who, with string) bool {
		forwarded[0], bearer[0] = who, with
		return g.gate.admit(r.WithContext(ctx), proxy) == nil
	}
	allowed, good := g.allowed[0].text, g.remembered[0]
	if !admits(allowed, good) {
		return errRefused
	}
	var wrong []error
	for i := 0; i < g.bans; i += max(g.bans/1000, 1) {
		if banned := address(i).String(); admits(banned, good) {
			wrong = append(wrong, fmt.Errorf("%s is banned and passes", banned))
		}
	}
	for i := 0; i < g.revocations; i += max(g.revocations/1000, 1) {
		if g.admitsRevoked(i, func(with string) bool { return admits(allowed, with) }) {
			wrong = append(wrong, fmt.Errorf("token %d is revoked and passes", i))
		}
	}
	return errors.Join(wrong...)
}

// admitsRevoked asks with a token that the i-th revocation names. One that is named by
// its hash cannot be made; the list is asked itself.
func (g *gates) admitsRevoked(i int, admits func(bearer string) bool) bool {
	ref := revocation(i)
	if ref.TokenHash != "" {
		_, revoked, err := g.gate.list.CheckToken(deny.Token{Hash: ref.TokenHash})
		return !revoked || err != nil
	}
	return admits(g.mint.sign(ref.JTI, ref.Subject))
}
