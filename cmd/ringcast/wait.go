package main

import (
	"context"
	"fmt"
	"math/rand/v2"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/durationpb"

	ringcastv1 "github.com/ringcast/ringcast/gen/ringcast/v1"
)

const (
	// waitGrace is how much longer than the wait itself its answer may take: it has
	// the names of those that are late.
	waitGrace = 3 * time.Second
	// firstWaitRetry and maxWaitRetry bound the pause before a wait whose connection
	// was lost is asked for again; it doubles with each failure.
	firstWaitRetry = 100 * time.Millisecond
	maxWaitRetry   = 2 * time.Second
)

// waiter waits until edges have what a call made in force.
type waiter struct {
	*call
	fleet     ringcastv1.FleetServiceClient
	reconnect func() // makes the next request try to connect at once
	began     time.Time
	progress  waitProgress
}

func newWaiter(c *call) *waiter {
	return &waiter{
		call: c, fleet: ringcastv1.NewFleetServiceClient(c.conn), reconnect: c.conn.ResetConnectBackoff, began: c.now(),
	}
}

// run waits and tells the outcome. Its error, where the outcome could be told, has
// the code exitUnconfirmed.
func (w *waiter) run(ctx context.Context) error {
	stop := w.watch(ctx)
	r, err := w.await(ctx)
	stop()
	if err != nil {
		if err := w.printReceipt(); err != nil {
			return err
		}
		return w.unconfirmed(fmt.Errorf("not confirmed: %w", explainSafe(w.server, err)))
	}
	return w.tell(r, w.now().Sub(w.began))
}

// await asks until there is an answer or the time is up: the mutation is durable, and
// so a control plane that restarts can be asked again.
func (w *waiter) await(ctx context.Context) (*ringcastv1.WaitAppliedResponse, error) {
	end := time.Now().Add(w.timeout)
	for retry := firstWaitRetry; ; retry = min(2*retry, maxWaitRetry) {
		left := max(time.Until(end), 0)
		r, err := w.ask(ctx, left)
		if status.Code(err) != codes.Unavailable || left == 0 {
			return r, err
		}
		if !pause(ctx, min(retry+rand.N(retry/2), max(time.Until(end), 0))) {
			return nil, status.FromContextError(ctx.Err()).Err()
		}
		w.reconnect()
	}
}

func (w *waiter) ask(ctx context.Context, left time.Duration) (*ringcastv1.WaitAppliedResponse, error) {
	ctx, cancel := context.WithTimeout(ctx, left+waitGrace)
	defer cancel()
	return w.fleet.WaitApplied(ctx, &ringcastv1.WaitAppliedRequest{
		Position: w.position, Epoch: w.epoch, Quorum: w.waitFor.quorum.String(),
		Timeout: durationpb.New(left), AllowNoEdges: w.waitFor.allowNoEdges,
	})
}

// unconfirmed makes an error of why a mutation counts as accepted and no more.
func (w *waiter) unconfirmed(why error) error {
	return &exitCodeError{exitUnconfirmed, fmt.Errorf("accepted at %s-%d, but %w", clean(w.epoch), w.position, why)}
}
