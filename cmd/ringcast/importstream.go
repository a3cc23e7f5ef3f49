package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/status"

	ringcastv1 "github.com/ringcast/ringcast/gen/ringcast/v1"
)

// importWindow bounds the requests that are not answered yet. It is more than the
// control plane works at, so that it always has the next.
const importWindow = 64

// reasonImportIdle is that of a control plane which ends a stream on which nothing
// came for long.
const reasonImportIdle = "IMPORT_IDLE"

// errImportIdle tells that a new stream can take the import up.
var errImportIdle = errors.New("the control plane ended an idle import")

// importStream is an import under way.
type importStream struct {
	*call
	list   *chunks
	point  *checkpoint
	report *importReport

	client importClient // replaced once it went idle
	// watch runs while the import waits for the server, and ends the stream's context.
	watch *time.Timer

	sent  []*chunk // not answered yet, in the order in which they are answered
	next  *chunk   // read and not sent
	ended bool     // the list has
	heard int      // answers
	// flying are the bans of sent: one that replaces one of these waits for it.
	flying map[banKey]bool
}

type importClient = grpc.BidiStreamingClient[ringcastv1.ImportBansRequest, ringcastv1.ImportBansResponse]

// sendList sends all chunks and waits for their answers. It takes a new stream
// where one ended because the list had nothing for long; one that then answers
// nothing at all is the last.
func (c *call) sendList(ctx context.Context, list *chunks, point *checkpoint, report *importReport) error {
	s := &importStream{call: c, list: list, point: point, report: report, flying: make(map[banKey]bool)}
	for again := false; ; again = true {
		heard := s.heard
		err := s.stream(ctx)
		if !errors.Is(err, errImportIdle) || again && s.heard == heard {
			return err
		}
	}
}

// stream goes on with the import on a stream of its own.
func (s *importStream) stream(ctx context.Context) (err error) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	s.watch = time.AfterFunc(s.timeout, func() { cancel(unreachablef("%s did not answer within --timeout", s.server)) })
	defer s.watch.Stop()
	if s.client, err = ringcastv1.NewBanServiceClient(s.conn).ImportBans(ctx); err != nil {
		return s.explainImport(ctx, err)
	}
	answers := make(chan importAnswer, importWindow+1)
	received := make(chan struct{})
	go func() {
		defer close(received)
		receiveAnswers(ctx, s.client, answers)
	}()
	defer func() {
		cancel(nil)
		<-received
	}()
	for _, c := range s.sent { // on the stream before
		if err := s.write(ctx, c); err != nil {
			return err
		}
	}
	return s.run(ctx, answers)
}

// importAnswer is what came from the stream.
type importAnswer struct {
	response *ringcastv1.ImportBansResponse
	err      error
}

func receiveAnswers(ctx context.Context, stream importClient, answers chan<- importAnswer) {
	for {
		response, err := stream.Recv()
		select {
		case answers <- importAnswer{response, err}:
		case <-ctx.Done():
			return
		}
		if err != nil {
			return
		}
	}
}

// explainImport tells an interruption, and the end of the watch, from what the
// server says.
func (c *call) explainImport(ctx context.Context, err error) error {
	if silence, ok := errors.AsType[*exitCodeError](context.Cause(ctx)); ok {
		return silence
	}
	if ctx.Err() != nil {
		return errors.New("interrupted")
	}
	if reasonOf(status.Convert(err)) == reasonImportIdle {
		return fmt.Errorf("%w: %w", errImportIdle, explainSafe(c.server, err))
	}
	return explainSafe(c.server, err)
}

// run keeps the window full until the list has ended and everything is answered.
func (s *importStream) run(ctx context.Context, answers <-chan importAnswer) error {
	for {
		if err := s.fill(ctx); err != nil {
			return err
		}
		if len(s.sent) == 0 {
			return nil
		}
		s.watch.Reset(s.timeout)
		select {
		case answer := <-answers:
			s.watch.Stop()
			if answer.err != nil {
				return s.explainImport(ctx, answer.err)
			}
			if err := s.take(ctx, answer.response); err != nil {
				return err
			}
		case <-ctx.Done():
			return s.explainImport(ctx, ctx.Err())
		}
	}
}

// fill sends what may be sent now. The watch does not run while it reads the list,
// which may be what another program writes.
func (s *importStream) fill(ctx context.Context) error {
	s.watch.Stop()
	for len(s.sent) < importWindow {
		if err := s.readNext(); err != nil || s.next == nil {
			return err
		}
		if s.waits(s.next) {
			return nil
		}
		c := s.next
		s.next = nil
		s.report.began(c)
		if len(c.lines) == 0 {
			s.report.done(c)
			continue
		}
		if err := s.send(ctx, c); err != nil {
			return err
		}
	}
	return nil
}

// readNext has the next chunk in next, where there is one, without the lines that
// an earlier run knows to be refused.
func (s *importStream) readNext() (err error) {
	if s.next != nil || s.ended {
		return nil
	}
	s.next, err = s.list.next()
	if errors.Is(err, io.EOF) {
		s.ended, err = true, nil
	}
	if s.next != nil {
		s.point.apply(s.next)
	}
	return err
}

// waits tells whether a chunk replaces something that is not answered yet.
func (s *importStream) waits(c *chunk) bool {
	return slices.ContainsFunc(c.lines, func(line sourceLine) bool { return s.flying[line.ban.key()] })
}

func (s *importStream) send(ctx context.Context, c *chunk) error {
	if err := s.write(ctx, c); err != nil {
		return err
	}
	for _, line := range c.lines {
		s.flying[line.ban.key()] = true
	}
	s.sent = append(s.sent, c)
	return nil
}

// write waits where the server does not read what was written before.
func (s *importStream) write(ctx context.Context, c *chunk) error {
	s.watch.Reset(s.timeout)
	defer s.watch.Stop()
	err := s.client.Send(s.list.request(c))
	if err != nil && !errors.Is(err, io.EOF) {
		return s.explainImport(ctx, err)
	}
	return nil // After io.EOF the answers end with the error.
}

// take notes an answer, and sends the rest of a chunk of which a part is refused.
func (s *importStream) take(ctx context.Context, r *ringcastv1.ImportBansResponse) error {
	c := s.sent[0]
	s.sent = s.sent[1:]
	s.heard++
	for _, line := range c.lines {
		delete(s.flying, line.ban.key())
	}
	if len(r.GetRefused()) == 0 {
		s.report.banned(c, r)
		return nil
	}
	refused := refusedBans(r)
	if err := s.point.refuse(c.id, refused); err != nil {
		return err
	}
	c.without(refused)
	if len(c.lines) > 0 {
		return s.send(ctx, c)
	}
	s.report.done(c)
	return nil
}
