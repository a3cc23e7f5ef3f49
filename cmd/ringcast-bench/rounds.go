package main

import (
	"context"
	"fmt"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"
)

// side is one side of a comparison.
type side[R any] struct {
	name    string
	measure func(context.Context) (R, error)
}

// outcome is what the rounds of a side gave.
type outcome[R any] struct {
	name   string
	rounds []R
}

// interleave measures the sides in turn, A B A B …
func interleave[R any](ctx context.Context, b *bench, rounds int, sides ...side[R]) ([]outcome[R], error) {
	if rounds < 1 {
		return nil, fmt.Errorf("%d rounds: there is nothing to measure", rounds)
	}
	outcomes := make([]outcome[R], len(sides))
	for round := range rounds {
		for i, s := range sides {
			if err := ctx.Err(); err != nil {
				return nil, err
			}
			b.say("round %d of %d: %s", round+1, rounds, s.name)
			result, err := s.measure(ctx)
			if err != nil {
				return nil, fmt.Errorf("%s: %w", s.name, err)
			}
			outcomes[i].name = s.name
			outcomes[i].rounds = append(outcomes[i].rounds, result)
		}
	}
	return outcomes, nil
}

// load is calls from some goroutines at once, until a time has passed or a number
// of calls was made.
type load struct {
	callers int
	time    time.Duration
	calls   int64
}

// pace is how quickly a load was answered.
type pace struct {
	perSecond float64
	p50, p99  time.Duration
}

// run measures call, which gets a number that no other call of this load has.
func (l load) run(ctx context.Context, call func(ctx context.Context, n int64) error) (pace, error) {
	latencies := make([][]time.Duration, l.callers)
	var begun atomic.Int64
	group, ctx := errgroup.WithContext(ctx)
	start := time.Now()
	for i := range latencies {
		group.Go(func() error {
			for time.Since(start) < l.time {
				n := begun.Add(1)
				if n > l.calls {
					break
				}
				at := time.Now()
				if err := call(ctx, n); err != nil {
					return err
				}
				latencies[i] = append(latencies[i], time.Since(at))
			}
			return nil
		})
	}
	err := group.Wait()
	return paceOf(latencies, time.Since(start)), err
}

func paceOf(latencies [][]time.Duration, elapsed time.Duration) pace {
	var all []time.Duration
	for _, some := range latencies {
		all = append(all, some...)
	}
	if len(all) == 0 {
		return pace{}
	}
	return pace{
		perSecond: float64(len(all)) / elapsed.Seconds(),
		p50:       median(all), p99: quantile(all, 0.99),
	}
}
