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
	allowed []netip.Addr
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
		c.allowed = append(c.allowed, address(c.bans+i))
	}
	sides := []side[latency]{{"edge, address to answer", c.atEdge}}
	server, err := startRedis(ctx, b)
	switch {
	case errors.Is(err, errNoRedis):
		b.say("%v", err)
	case err != nil:
		return err
	default:
		defer func() { err = errors.Join(err, server.stop()) }()
		c.redis = server.conn
		sides = append(sides, side[latency]{"redis-server, GET on one connection", c.atRedis})
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

// checkBatch is how many checks at the edge are timed together: enough that the
// clock costs nothing, few enough that most batches run without an interruption.
const checkBatch = 64

// latency is the nanoseconds of one check, at the median and for 99 of 100.
type latency struct{ p50, p99 float64 }

func latencyOf(figures []float64) latency {
	return latency{p50: median(figures), p99: quantile(figures, 0.99)}
}

// atEdge checks as the edge does for each request, from a client's address on.
func (c *checks) atEdge(context.Context) (latency, error) {
	var figures []float64
	for done := 0; done < c.lookups; done += checkBatch {
		start := time.Now()
		for i := range checkBatch {
			addr := c.allowed[(done+i)%len(c.allowed)]
			_, banned, err := c.list.Check(addr)
			if err != nil || banned {
				return latency{}, fmt.Errorf("check of %s, who is allowed: banned %t, error %w", addr, banned, err)
			}
		}
		figures = append(figures, float64(time.Since(start).Nanoseconds())/checkBatch)
	}
	return latencyOf(figures), nil
}

// atRedis asks Redis instead, from a client's address on.
func (c *checks) atRedis(context.Context) (latency, error) {
	var figures []float64
	for i := range c.gets {
		start := time.Now()
		client := c.allowed[i%len(c.allowed)]
		_, banned, err := c.redis.get(redisKey(client))
		if err != nil || banned {
			return latency{}, fmt.Errorf("GET for %s, who is allowed: banned %t, error %w", client, banned, err)
		}
		figures = append(figures, float64(time.Since(start).Nanoseconds()))
	}
	return latencyOf(figures), nil
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

func (c *checks) table(outcomes []outcome[latency]) *table {
	t := newTable(fmt.Sprintf("%s bans, an allowed client", count(c.bans)), "p50", "p99", "redis-server, against it", "target")
	typical := func(l latency) float64 { return l.p50 }
	edge, redis := outcomes[:1], outcomes[1:]
	for _, o := range outcomes {
		t.add(o.name, spread(each(o.rounds, typical), nanoseconds),
			spread(each(o.rounds, func(l latency) float64 { return l.p99 }), nanoseconds))
	}
	for i, o := range edge {
		p50 := each(o.rounds, typical)
		gain, promise := "-", target("< 1µs", median(p50) < checkLimit)
		if len(redis) > 0 {
			gains := ratios(each(redis[0].rounds, typical), p50)
			gain = spread(gains, times)
			promise += ", " + target(fmt.Sprintf("≥ %d×", checkGain), median(gains) >= checkGain)
		}
		t.rows[i+1] = append(t.rows[i+1], gain, promise)
	}
	if len(redis) == 0 {
		t.add("redis-server", "is not installed: nothing to compare with")
	}
	return t
}
