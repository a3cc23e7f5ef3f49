package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"time"

	"google.golang.org/grpc"

	ringcastv1 "github.com/ringcast/ringcast/gen/ringcast/v1"
)

// importWindow bounds the requests that are not answered yet. It is more than the
// control plane works at, so that it always has the next.
const importWindow = 64

// importFlags say what to import.
type importFlags struct {
	file, checkpoint string
	defaults         listedBan
	override         bool
}

// list opens the list; size is 0 where it is not known.
func (f importFlags) list(stdin io.Reader) (list io.ReadCloser, size int64, err error) {
	if f.file == "-" {
		return io.NopCloser(stdin), 0, nil
	}
	file, err := os.Open(f.file)
	if err != nil {
		return nil, 0, fmt.Errorf("read list: %w", err)
	}
	info, err := file.Stat()
	if err != nil {
		return nil, 0, errors.Join(fmt.Errorf("read list: %w", err), file.Close())
	}
	if info.Mode().IsRegular() {
		size = info.Size()
	}
	return file, size, nil
}

// checkpointPath is where the import's checkpoint is; empty: it has none.
func (f importFlags) checkpointPath() string {
	if f.checkpoint != "" || f.file == "-" {
		return f.checkpoint
	}
	return f.file + checkpointSuffix
}

// importBans bans what a list names.
func (c *call) importBans(ctx context.Context, stdin io.Reader, flags importFlags) error {
	list, size, err := flags.list(stdin)
	if err != nil {
		return err
	}
	defer func() { _ = list.Close() }() // only read
	point, err := openCheckpoint(flags.checkpointPath())
	if err != nil {
		return err
	}
	report := &importReport{call: c, progress: newProgress(c.errOut, size, c.now)}
	err = c.sendList(ctx, newChunks(list, point.id, flags.defaults, flags.override), report)
	report.progress.clear()
	if err != nil {
		return point.explain(err)
	}
	return cmp.Or(point.end(), report.end())
}

// explain says what to do about an import that was cut short.
func (c *checkpoint) explain(err error) error {
	advice := "the same command begins anew: standard input has a checkpoint only if --checkpoint names one"
	if c.path != "" {
		advice = "the same command goes on where this one stopped"
	}
	return fmt.Errorf("%w; %s", err, advice)
}

// sendList sends all chunks and waits for their answers.
func (c *call) sendList(ctx context.Context, list *chunks, report *importReport) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	stream, err := ringcastv1.NewBanServiceClient(c.conn).ImportBans(ctx)
	if err != nil {
		return c.explainImport(ctx, err)
	}
	s := &importStream{call: c, list: list, report: report, stream: stream, flying: make(map[banKey]bool)}
	answers := make(chan importAnswer, importWindow+1)
	received := make(chan struct{})
	go func() {
		defer close(received)
		receiveAnswers(ctx, stream, answers)
	}()
	defer func() {
		cancel()
		<-received
	}()
	return s.run(ctx, answers)
}

// importAnswer is what came from the stream.
type importAnswer struct {
	response *ringcastv1.ImportBansResponse
	err      error
}

func receiveAnswers(ctx context.Context, stream grpc.BidiStreamingClient[ringcastv1.ImportBansRequest, ringcastv1.ImportBansResponse], answers chan<- importAnswer) {
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

func (c *call) explainImport(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return errors.New("interrupted")
	}
	return explainRPC(c.server, err)
}

// importStream is an import under way.
type importStream struct {
	*call
	list   *chunks
	report *importReport
	stream grpc.BidiStreamingClient[ringcastv1.ImportBansRequest, ringcastv1.ImportBansResponse]

	sent  []*chunk // not answered yet, in the order in which they are answered
	next  *chunk   // read and not sent
	ended bool     // the list has
	// flying are the bans of sent: one that replaces one of these waits for it.
	flying map[banKey]bool
}

// run keeps the window full until the list has ended and everything is answered.
func (s *importStream) run(ctx context.Context, answers <-chan importAnswer) error {
	timer := time.NewTimer(s.timeout)
	defer timer.Stop()
	for {
		if err := s.fill(ctx); err != nil {
			return err
		}
		if len(s.sent) == 0 {
			return nil
		}
		timer.Reset(s.timeout)
		select {
		case answer := <-answers:
			if answer.err != nil {
				return s.explainImport(ctx, answer.err)
			}
			if err := s.take(ctx, answer.response); err != nil {
				return err
			}
		case <-timer.C:
			return fmt.Errorf("%s did not answer within --timeout", s.server)
		case <-ctx.Done():
			return s.explainImport(ctx, ctx.Err())
		}
	}
}

// fill sends what may be sent now.
func (s *importStream) fill(ctx context.Context) error {
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

// readNext has the next chunk in next, where there is one.
func (s *importStream) readNext() (err error) {
	if s.next != nil || s.ended {
		return nil
	}
	s.next, err = s.list.next()
	if errors.Is(err, io.EOF) {
		s.ended, err = true, nil
	}
	return err
}

// waits tells whether a chunk replaces something that is not answered yet.
func (s *importStream) waits(c *chunk) bool {
	return slices.ContainsFunc(c.lines, func(line sourceLine) bool { return s.flying[line.ban.key()] })
}

func (s *importStream) send(ctx context.Context, c *chunk) error {
	err := s.stream.Send(s.list.request(c))
	if err != nil && !errors.Is(err, io.EOF) {
		return s.explainImport(ctx, err)
	}
	// After io.EOF the answers end with the error.
	for _, line := range c.lines {
		s.flying[line.ban.key()] = true
	}
	s.sent = append(s.sent, c)
	return nil
}

// take notes an answer, and sends the rest of a chunk of which a part is refused.
func (s *importStream) take(ctx context.Context, r *ringcastv1.ImportBansResponse) error {
	c := s.sent[0]
	s.sent = s.sent[1:]
	for _, line := range c.lines {
		delete(s.flying, line.ban.key())
	}
	if len(r.GetRefused()) == 0 {
		s.report.banned(c, r)
		return nil
	}
	c.without(r.GetRefused())
	if len(c.lines) > 0 {
		return s.send(ctx, c)
	}
	s.report.done(c)
	return nil
}
