package api

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"google.golang.org/grpc"

	"github.com/ringcast/ringcast/controlplane"
	"github.com/ringcast/ringcast/controlplane/eventlog"
	ringcastv1 "github.com/ringcast/ringcast/gen/ringcast/v1"
)

// slowLog takes its time for an append.
type slowLog struct {
	eventlog.Log
	takes time.Duration
}

func (l slowLog) Append(ctx context.Context, _ controlplane.Decision, _ ...eventlog.Request) ([]eventlog.Receipt, error) {
	select {
	case <-time.After(l.takes):
		return []eventlog.Receipt{{Position: 1, Epoch: "e"}}, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// importCaller is the other end of a stream.
type importCaller struct {
	grpc.ServerStream
	ctx      context.Context
	requests chan *ringcastv1.ImportBansRequest
	answers  chan *ringcastv1.ImportBansResponse
}

func (c *importCaller) Context() context.Context { return c.ctx }

func (c *importCaller) Recv() (*ringcastv1.ImportBansRequest, error) {
	select {
	case request := <-c.requests:
		return request, nil
	case <-c.ctx.Done():
		return nil, c.ctx.Err()
	}
}

func (c *importCaller) Send(answer *ringcastv1.ImportBansResponse) error {
	select {
	case c.answers <- answer:
		return nil
	case <-c.ctx.Done():
		return c.ctx.Err()
	}
}

// serveIdle gives how long an import lasted whose caller does as told and then
// nothing, and how it ended.
func serveIdle(t *testing.T, log eventlog.Log, calls func(*importCaller)) (lasted time.Duration, err error) {
	t.Helper()
	rules, err := newRules()
	if err != nil {
		t.Fatal(err)
	}
	ctx, hangUp := context.WithCancel(t.Context())
	caller := &importCaller{ctx: ctx, requests: make(chan *ringcastv1.ImportBansRequest), answers: make(chan *ringcastv1.ImportBansResponse)}
	i := &imports{log: log, rules: rules, draining: make(chan struct{})}
	go calls(caller)
	began := time.Now()
	err = i.serve(caller)
	lasted = time.Since(began)
	hangUp() // as gRPC does once serve has returned
	i.wait()
	return lasted, err
}

func request(n int) *ringcastv1.ImportBansRequest {
	return &ringcastv1.ImportBansRequest{RequestId: fmt.Sprint(n), Bans: []*ringcastv1.ImportBansRequest_BanEntry{{Ip: "192.0.2.1"}}}
}

// TestImportIdle wants an import to end that waits for its caller, and none that
// waits for the log.
func TestImportIdle(t *testing.T) {
	t.Parallel()
	for name, row := range map[string]struct {
		log   slowLog
		calls func(*importCaller)
		lasts time.Duration
	}{
		"never speaks": {slowLog{}, func(*importCaller) {}, importPatience},
		"falls silent": {slowLog{}, func(c *importCaller) {
			for n := range 3 {
				time.Sleep(importPatience - time.Second)
				c.requests <- request(n)
				<-c.answers
			}
		}, 3*(importPatience-time.Second) + importPatience},
		"takes no answer": {slowLog{}, func(c *importCaller) {
			for n := range 2 {
				c.requests <- request(n)
			}
		}, importPatience},
		"waits for the log": {slowLog{takes: 10 * importPatience}, func(c *importCaller) {
			c.requests <- request(0)
			<-c.answers
		}, 11 * importPatience},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				lasted, err := serveIdle(t, row.log, row.calls)
				if refusal, ok := errors.AsType[*controlplane.Error](err); !ok || refusal.Reason != "IMPORT_IDLE" || refusal.Kind != controlplane.Unavailable {
					t.Errorf("%v", err)
				}
				if lasted != row.lasts {
					t.Errorf("it lasted %s, want %s", lasted, row.lasts)
				}
			})
		})
	}
}
