package main

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"time"

	"github.com/spf13/cobra"

	"github.com/ringcast/ringcast/edgeproxy/deny"
)

const (
	// checkGain is how much quicker the edge's check must be than a look-up in Redis.
	checkGain = 100
	// checkLimit is how long the edge's check may take, in nanoseconds.
	checkLimit = 1000
	// banReason is the reason of the bans that are made here.
	banReason = "seen by the honeypot"
)

// checks compares the check of an allowed client's address at the edge with the
// way it is done without: a GET to a Redis server that has the same bans.
type checks struct {
	bans, clients, rounds, lookups, gets int

	list    *deny.List
	redis   *redisConn
	remotes []string // as net/http gives them: address and port
}

func checkCommand(s *session) *cobra.Command {
	c := new(checks)
	cmd := s.command("check", "An allowed request's ban check, against a GET to redis-server on loopback", c.run)
	cmd.Flags().IntVar(&c.bans, "bans", 1_000_000, "bans known")
	cmd.Flags().IntVar(&c.clients, "clients", 100_000, "clients that are not banned, who ask in turn")
	cmd.Flags().IntVar(&c.rounds, "rounds", 7, "rounds of each side")
	cmd.Flags().IntVar(&c.lookups, "lookups", 2_000_000, "checks in a round at the edge")
	cmd.Flags().IntVar(&c.gets, "gets", 20_000, "GETs in a round at Redis")
	return cmd
}

func (c *checks) run(ctx context.Context, b *bench) (err error) {
	b.say("banning %d addresses at the edge", c.bans)
	list, closeState, err := denyList(ctx, b.dir, c.bans)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, closeState()) }()
	c.list = list
	for i := range c.clients {
		c.remotes = append(c.remotes, netip.AddrPortFrom(address(c.bans+i), 40000).String())
	}
	sides := []side[float64]{{"edge, client's text to answer", c.atEdge}}
	server, err := startRedis(ctx, b)
	switch {
	case errors.Is(err, errNoRedis):
		b.say("%v", err)
	case err != nil:
		return err
	default:
		defer func() { err = errors.Join(err, server.stop()) }()
		c.redis = server.conn
		sides = append(sides, side[float64]{"redis-server, GET on one connection", c.atRedis})
		if err := c.fillRedis(ctx, b); err != nil {
			return err
		}
	}
	outcomes, err := interleave(ctx, b, c.rounds, sides...)
	if err != nil {
		return err
	}
	return b.publish(c.table(outcomes))
}

// atEdge gives the nanoseconds of a check as the edge makes it for each request.
func (c *checks) atEdge(context.Context) (float64, error) {
	start := time.Now()
	for i := range c.lookups {
		client, err := netip.ParseAddrPort(c.remotes[i%len(c.remotes)])
		if err != nil {
			return 0, err
		}
		_, banned, err := c.list.Check(client.Addr())
		if err != nil || banned {
			return 0, fmt.Errorf("check of %s, who is allowed: banned %t, error %w", client, banned, err)
		}
	}
	return float64(time.Since(start).Nanoseconds()) / float64(c.lookups), nil
}

// atRedis gives the nanoseconds of a look-up.
func (c *checks) atRedis(context.Context) (float64, error) {
	start := time.Now()
	for i := range c.gets {
		client, err := netip.ParseAddrPort(c.remotes[i%len(c.remotes)])
		if err != nil {
			return 0, err
		}
		_, banned, err := c.redis.get(redisKey(client.Addr()))
		if err != nil || banned {
			return 0, fmt.Errorf("GET for %s, who is allowed: banned %t, error %w", client, banned, err)
		}
	}
	return float64(time.Since(start).Nanoseconds()) / float64(c.gets), nil
}

func redisKey(addr netip.Addr) string { return "ban:" + addr.String() }

// fillRedis gives Redis the same bans, and looks whether both sides know them.
func (c *checks) fillRedis(ctx context.Context, b *bench) error {
	b.say("banning them at redis-server")
	if err := c.redis.set(ctx, c.bans, func(i int) string { return redisKey(address(i)) }, banReason); err != nil {
		return err
	}
	for i := 0; i < c.bans; i += max(c.bans/1000, 1) {
		_, atRedis, redisErr := c.redis.get(redisKey(address(i)))
		_, atEdge, edgeErr := c.list.Check(address(i))
		if !atRedis || !atEdge {
			return errors.Join(fmt.Errorf("%s is banned; Redis says %t, the edge says %t", address(i), atRedis, atEdge), redisErr, edgeErr)
		}
	}
	return nil
}

func (c *checks) table(outcomes []outcome[float64]) *table {
	t := newTable(fmt.Sprintf("%s bans, an allowed client", count(c.bans)), "time", "target")
	edge := outcomes[0].rounds
	t.add(outcomes[0].name, spread(edge, nanoseconds), target("< 1µs", median(edge) < checkLimit))
	if len(outcomes) == 1 {
		t.add("redis-server", "is not installed: nothing to compare with")
		return t
	}
	gains := ratios(outcomes[1].rounds, edge)
	t.add(outcomes[1].name, spread(outcomes[1].rounds, nanoseconds))
	t.add("redis-server, against the edge", spread(gains, times), target(fmt.Sprintf("≥ %d×", checkGain), median(gains) >= checkGain))
	return t
}
