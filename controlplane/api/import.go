package api

import (
	"context"
	"errors"
	"io"
	"sync"
	"time"

	"github.com/grpc-ecosystem/go-grpc-middleware/v2/interceptors/recovery"
	"google.golang.org/grpc"

	"github.com/ringcast/ringcast/controlplane"
	"github.com/ringcast/ringcast/controlplane/eventlog"
	ringcastv1 "github.com/ringcast/ringcast/gen/ringcast/v1"
)

// importWindow bounds the requests of one import that are appended at a time, and
// so how long another caller's mutation waits behind those that share a commit.
const importWindow = 32

// importPatience ends an import that waits this long for its caller, who neither
// sends a request nor takes an answer: it has a place of maxImports. Time that the
// log takes does not count.
const importPatience = time.Minute

// errImportIdle is how such an import ends.
var errImportIdle = controlplane.Errorf(controlplane.Unavailable, "IMPORT_IDLE",
	"nothing was sent, or no answer taken, for %s; go on with a new stream, with the same request_ids", importPatience)

// reasonBanCount tells that a request of an import has too few bans or too many.
const reasonBanCount = "WRONG_NUMBER_OF_BANS"

type importStream = grpc.BidiStreamingServer[ringcastv1.ImportBansRequest, ringcastv1.ImportBansResponse]

// imports serves the streams of ImportBans.
type imports struct {
	log   eventlog.Log
	rules rules

	draining chan struct{}
	drained  sync.Once
	// workers end once their stream has, which is after serve returned.
	workers sync.WaitGroup
}

// drain ends the streams after what they are at.
func (i *imports) drain() { i.drained.Do(func() { close(i.draining) }) }

// wait returns when nothing of any stream runs. The streams have ended.
func (i *imports) wait() { i.workers.Wait() }

// outcome is what came of a request.
type outcome struct {
	response *ringcastv1.ImportBansResponse
	err      error
}

// serve works at a stream until it ends, or its caller is idle.
func (i *imports) serve(stream importStream) error {
	ctx, cancel := context.WithCancel(stream.Context())
	defer cancel()
	idle := time.NewTimer(importPatience)
	defer idle.Stop()
	underWay := make(chan chan outcome, importWindow)
	ended := make(chan error, 1)
	i.workers.Go(func() { i.receive(ctx, stream, underWay) })
	i.workers.Go(func() { ended <- i.answer(stream, underWay, idle) })
	select {
	case err := <-ended:
		return err
	case <-idle.C:
		return errImportIdle
	}
}

// answer answers in the order of the requests, while those that follow are under
// way. The idle timer runs while it waits for the caller.
func (i *imports) answer(stream importStream, underWay <-chan chan outcome, idle *time.Timer) error {
	for {
		select {
		case <-i.draining:
			return eventlog.ErrClosed
		case next, open := <-underWay:
			if !open {
				return nil
			}
			idle.Stop()
			done := <-next
			if done.err != nil {
				return done.err
			}
			idle.Reset(importPatience)
			if err := stream.Send(done.response); err != nil {
				return err
			}
			idle.Reset(importPatience)
		}
	}
}

// receive has each request appended until ctx ends, or the stream.
func (i *imports) receive(ctx context.Context, stream importStream, underWay chan<- chan outcome) {
	var appends sync.WaitGroup
	defer appends.Wait()
	defer close(underWay)
	for {
		req, err := stream.Recv()
		if errors.Is(err, io.EOF) {
			return
		}
		next := make(chan outcome, 1)
		select {
		case underWay <- next:
		case <-ctx.Done():
			return
		}
		if err != nil {
			next <- outcome{err: err}
			return
		}
		appends.Go(func() { next <- i.handle(ctx, req) })
	}
}

// handle makes a panic an error of its own request, as the interceptors do for
// those of a call's own goroutine.
func (i *imports) handle(ctx context.Context, req *ringcastv1.ImportBansRequest) outcome {
	var response *ringcastv1.ImportBansResponse
	_, err := recovery.UnaryServerInterceptor()(ctx, req, nil, func(ctx context.Context, _ any) (_ any, err error) {
		response, err = i.append(ctx, req)
		return nil, err
	})
	return outcome{response, err}
}

// append makes all bans of a request or none.
func (i *imports) append(ctx context.Context, req *ringcastv1.ImportBansRequest) (*ringcastv1.ImportBansResponse, error) {
	if err := i.rules.check(req); err != nil {
		return nil, err
	}
	if n := len(req.GetBans()); n == 0 || n > eventlog.MaxUnit {
		return nil, controlplane.Errorf(controlplane.Invalid, reasonBanCount, "a request has 1 to %d bans, not %d", eventlog.MaxUnit, n)
	}
	bans, refused, err := i.bans(req)
	if err != nil || len(refused) > 0 {
		return refusing(refused), err
	}
	receipt, err := appendOne(ctx, i.log, ringcastv1.BanService_ImportBans_FullMethodName, req, controlplane.Import{Bans: bans}.Decide)
	if refusals, ok := errors.AsType[*controlplane.RefusedBans](err); ok {
		return refusing(refusals.Of), nil
	}
	if err != nil {
		return nil, err
	}
	return &ringcastv1.ImportBansResponse{Position: receipt.Position, Epoch: receipt.Epoch, Repeat: receipt.Repeated}, nil
}

// bans checks each ban by itself.
func (i *imports) bans(req *ringcastv1.ImportBansRequest) (bans []controlplane.Ban, refused []controlplane.RefusedBan, err error) {
	bans = make([]controlplane.Ban, len(req.GetBans()))
	for index, entry := range req.GetBans() {
		bans[index], err = i.ban(entry)
		if err == nil {
			bans[index].Override = req.GetOverride()
			continue
		}
		refusal, ok := refusalIn(err)
		if !ok {
			return nil, nil, err
		}
		refused = append(refused, controlplane.RefusedBan{Index: index, Error: refusal})
	}
	return bans, refused, nil
}

func (i *imports) ban(entry *ringcastv1.ImportBansRequest_BanEntry) (controlplane.Ban, error) {
	if err := i.rules.Validate(entry); err != nil {
		return controlplane.Ban{}, err
	}
	ip, err := parseNewIP(entry.GetIp())
	if err != nil {
		return controlplane.Ban{}, err
	}
	return controlplane.Ban{IP: ip, Reason: entry.GetReason(), TTL: entry.GetTtl().AsDuration(), Automatic: entry.GetAutomatic()}, nil
}

func refusing(refused []controlplane.RefusedBan) *ringcastv1.ImportBansResponse {
	response := new(ringcastv1.ImportBansResponse)
	for _, r := range refused {
		response.Refused = append(response.Refused, &ringcastv1.ImportBansResponse_Refusal{
			Index: uint32(r.Index), Reason: r.Reason, Message: r.Message,
		})
	}
	return response
}
