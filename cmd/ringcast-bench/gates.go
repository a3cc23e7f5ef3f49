package main

import (
	"context"
	"errors"
	"fmt"
	"strconv"

	"github.com/spf13/cobra"
)

// What the gates promise.
const (
	// gatesLimit is how long they may take for an allowed request, in nanoseconds.
	gatesLimit = 2000
	// rememberGain is how much quicker a remembered token must be than one of which
	// the signature is verified.
	rememberGain = 20
	// busyTokens are the tokens of clients so busy that theirs are in the CPU's caches.
	busyTokens = 10
	// denyMemory is what the index of a million bans, or revocations, may take, in
	// bytes.
	denyMemory = 120_000_000
)

// gates measures what an edge's gates cost an allowed request, what the memory of
// verified tokens gains, and what the deny list takes.
type gates struct {
	bans, revocations, clients, tokens int
	rounds, requests, verifications    int

	gate *gate
	mint *mint
	// remembered are the tokens that were verified before they are asked for.
	remembered []string
	allowed    []person
}

func gatesCommand(s *session) *cobra.Command {
	g := new(gates)
	cmd := s.command("gates", "All that decides on an allowed request, a remembered token against a verified one, and the memory of the deny list", g.run)
	flags := cmd.Flags()
	flags.IntVar(&g.bans, "bans", 1_000_000, "bans known")
	flags.IntVar(&g.revocations, "revocations", 1_000_000, "revocations known, a third each by jti, subject and hash")
	flags.IntVar(&g.clients, "clients", 100_000, "clients that are not banned, who ask in turn")
	flags.IntVar(&g.tokens, "tokens", 1000, "tokens that are remembered, which are shown in turn, 10 at least")
	flags.IntVar(&g.rounds, "rounds", 7, "rounds of each side")
	flags.IntVar(&g.requests, "requests", 1_000_000, "requests in a round, of which no signature is verified")
	flags.IntVar(&g.verifications, "verifications", 2000, "signatures verified in a round")
	return cmd
}

func (g *gates) run(ctx context.Context, b *bench) error {
	if min(g.clients, g.requests, g.verifications, g.bans, g.revocations) < 1 || g.tokens < busyTokens {
		return fmt.Errorf("there is nothing to measure: every number is at least 1, that of tokens %d", busyTokens)
	}
	heaps, err := g.measureMemory(ctx, b)
	if err != nil {
		return err
	}
	costs, err := g.measureCost(ctx, b)
	if err != nil {
		return err
	}
	if err := b.publish(g.costTable(costs)); err != nil {
		return err
	}
	return b.publish(memoryTable(heaps))
}

func (g *gates) measureCost(ctx context.Context, b *bench) (costs []outcome[cost], err error) {
	end, err := g.open(ctx, b)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, end()) }()
	if err := g.checkRefusals(ctx); err != nil {
		return nil, err
	}
	busy := fmt.Sprintf("remembered tokens, %d", busyTokens)
	return interleave(ctx, b, g.rounds,
		side[cost]{"no token", g.asks(ask{})},
		side[cost]{"no token, behind a trusted proxy", g.asks(ask{proxied: true})},
		side[cost]{busy + " in turn", g.asks(ask{tokens: busyTokens})},
		side[cost]{busy + " in turn, behind a trusted proxy", g.asks(ask{tokens: busyTokens, proxied: true})},
		side[cost]{fmt.Sprintf("remembered tokens, %s in turn", count(g.tokens)), g.asks(ask{tokens: g.tokens})},
		side[cost]{"the token alone, remembered", g.remember},
		side[cost]{"the token alone, ES256 verified", g.verify},
	)
}

// The places of the sides whose figures the others are held against.
const (
	tokenSides  = 2 // and those after it have a token
	rememberRow = 5
	verifyRow   = 6
)

// costTable has what the composition of the gate's parts costs, in the order of
// edgeproxy/server: client address, allow list and ban, token, revocations.
func (g *gates) costTable(costs []outcome[cost]) *table {
	t := newTable(fmt.Sprintf("resolver, deny list and verifier in the gate's order; %s bans, %s revocations", count(g.bans), count(g.revocations)),
		"p50", "p99", "allocations", "ES256 verified, against it", "target")
	p50 := func(row int) []float64 { return each(costs[row].rounds, func(c cost) float64 { return c.p50 }) }
	allocations := func(row int) float64 {
		return median(each(costs[row].rounds, func(c cost) float64 { return c.allocations }))
	}
	for row, o := range costs {
		gain, promise := "", ""
		switch {
		case row < tokenSides:
			promise = gatePromise(median(p50(row)), allocations(row), 0)
		case row < rememberRow:
			promise = gatePromise(median(p50(row)), allocations(row), allocations(rememberRow))
		case row == rememberRow:
			gains := ratios(p50(verifyRow), p50(row))
			gain, promise = spread(gains, times), target(fmt.Sprintf("≥ %d×", rememberGain), median(gains) >= rememberGain)
		}
		t.add(o.name, spread(p50(row), nanoseconds), spread(each(o.rounds, func(c cost) float64 { return c.p99 }), nanoseconds),
			perOperation(allocations(row)), gain, promise)
	}
	return t
}

// gatePromise is held against what the token alone allocates.
func gatePromise(ns, allocations, token float64) string {
	besides := max(allocations-token, 0)
	return target("< 2µs", ns < gatesLimit) + ", " + target("0 besides the token's", perOperation(besides) == "0")
}

// perOperation rounds away what the runtime allocates meanwhile.
func perOperation(n float64) string {
	text := strconv.FormatFloat(n, 'f', 2, 64)
	if text == "0.00" {
		return "0"
	}
	return text
}
