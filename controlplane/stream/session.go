package stream

import (
	"context"
	"errors"
	"time"

	"github.com/ringcast/ringcast/controlplane/ring"
	"github.com/ringcast/ringcast/internal/wire"
)

// sendBytes is about how much is taken from the ring for one write.
const sendBytes = 64 << 10

// minSettle and maxSettle bound how long a reader hears nothing of a position that has
// moved over events which are not for it. The time is drawn, so that not all readers are
// told at once.
const (
	minSettle = 500 * time.Millisecond
	maxSettle = time.Second
)

// errDrained ends a stream when the server drains.
var errDrained = errors.New("server drains")

// session is one open stream.
type session struct {
	server   *Server
	sub      subscription
	out      *output
	clientID string

	// position is the cursor: everything up to it was sent or is not for this
	// reader. told is the last id that was sent, where hasTold is set.
	position uint64
	told     uint64
	hasTold  bool
	// head is the log's when the stream began.
	head uint64
	// gapped is the end of the last gap announced.
	gapped uint64

	// view is the ring as the reader's filter has it; nil: no filter.
	view     *ring.View
	lastBeat time.Time
	frames   [][]byte
	asker    asker
}

// run serves the stream until the reader goes, is stuck, or the server drains.
func (s *session) run(ctx context.Context) error {
	if err := s.connect(ctx); err != nil {
		return err
	}
	if err := s.begin(ctx); err != nil {
		return err
	}
	if s.sub.once {
		return s.out.flush()
	}
	return s.follow(ctx)
}

// connect sends the first frame and the first heartbeat.
func (s *session) connect(ctx context.Context) error {
	if err := s.findHead(ctx); err != nil {
		return err
	}
	connected := wire.Connected{
		ClientID: s.clientID, Epoch: s.epoch(), Head: s.head,
		HeartbeatSeconds: s.server.cfg.Heartbeat.Seconds(), Timestamp: s.server.cfg.Now().Unix(),
	}
	s.out.buf = wire.AppendConnected(s.out.buf, connected, jitter(minRetry, maxRetry))
	s.beat()
	return s.out.flush()
}

// findHead takes the head from the ring. Only a reader that claims to be ahead
// of it makes the log speak: what it has may be durable and not in the ring yet.
func (s *session) findHead(ctx context.Context) error {
	s.head = s.server.ring.Head()
	if !s.sub.resume || s.sub.cursor.Position <= s.head {
		return nil
	}
	head, err := s.server.log.Head(ctx)
	if err != nil {
		return err
	}
	s.head = head.Position
	return nil
}

// begin brings the reader to the head, in the way that its cursor asks for.
func (s *session) begin(ctx context.Context) error {
	cursor := s.sub.cursor
	switch {
	case s.sub.latest:
		s.position = s.head
		return s.synced()
	case !s.sub.resume:
		return s.reset(ctx, "no position given")
	case cursor.Epoch != "" && cursor.Epoch != s.epoch():
		return s.reset(ctx, "another log")
	case cursor.Position > s.head:
		return s.reset(ctx, "position is ahead of the log")
	default:
		s.server.metrics.resumes.Inc()
		return s.resume(ctx)
	}
}

// follow sends what is appended from now on, and asks for reports.
func (s *session) follow(ctx context.Context) error {
	beat := time.NewTicker(s.server.cfg.Heartbeat)
	defer beat.Stop()
	defer s.asker.stop()
	s.asker.look()
	var settle <-chan time.Time
	for {
		changed := s.server.ring.Changed()
		moved, err := s.advance(ctx)
		if err != nil {
			return err
		}
		if moved {
			continue
		}
		if settle == nil && !s.settled() {
			settle = time.After(jitter(minSettle, maxSettle))
		}
		select {
		case <-changed:
		case <-beat.C:
			s.settle()
			s.beat()
		case <-settle:
			settle = nil
			s.settle()
		case <-s.asker.changed:
			s.asker.look()
		case <-s.asker.due():
			s.ask()
		case <-s.server.draining:
			return s.shutdown(ctx)
		case <-ctx.Done():
			return ctx.Err()
		}
		if err := s.out.flush(); err != nil {
			return err
		}
	}
}

// ask asks an edge to report. It may have what it is asked for without having heard of
// the position.
func (s *session) ask() {
	position := s.asker.question()
	if position == 0 {
		return
	}
	s.settle()
	s.out.buf = wire.AppendReport(s.out.buf, wire.Report{Position: position})
}

// takeFromRing sends one write's worth of the ring. ok is false where the ring
// no longer reaches back to the cursor.
func (s *session) takeFromRing() (moved, ok bool, err error) {
	batch, ok, err := s.readRing()
	if err != nil || !ok || batch.Next == s.position {
		return false, ok, err
	}
	s.frames = batch.Frames
	s.position = batch.Next
	if batch.Told > 0 {
		s.told, s.hasTold = batch.Told, true
	}
	err = s.out.send(batch.Frames)
	clear(s.frames) // the ring may drop them while this reader is idle
	return true, true, err
}

func (s *session) readRing() (batch ring.Batch, ok bool, err error) {
	if s.view != nil {
		return s.view.Read(s.frames[:0], s.position, sendBytes)
	}
	batch, ok = s.server.ring.Read(s.frames[:0], s.position, s.sub.audience, sendBytes)
	return batch, ok, nil
}

// advance sends what the ring has, if only a part of it. A reader that fell
// behind it catches up from the log.
func (s *session) advance(ctx context.Context) (moved bool, err error) {
	moved, ok, err := s.takeFromRing()
	if ok || err != nil {
		return moved, err
	}
	s.server.metrics.fellBehind.Inc()
	return true, s.resume(ctx)
}

// shutdown sends what there was when the drain began, and says goodbye.
func (s *session) shutdown(ctx context.Context) error {
	for head := s.server.ring.Head(); s.position < head; {
		if _, err := s.advance(ctx); err != nil {
			return err
		}
	}
	s.settle()
	return s.goodbye()
}

// goodbye ends the stream. A replay that it cuts is resumed, or begun anew,
// elsewhere.
func (s *session) goodbye() error {
	s.out.buf = wire.AppendShutdown(s.out.buf, wire.Shutdown{
		Reason: "draining", Message: "the server is shutting down; connect again and resume",
	})
	if err := s.out.flush(); err != nil {
		return err
	}
	return errDrained
}

// settle tells the position where it has moved over events that the reader did
// not get.
func (s *session) settle() {
	if s.settled() {
		return
	}
	s.out.buf = wire.AppendPosition(s.out.buf, s.cursor(s.position))
	s.told, s.hasTold = s.position, true
}

func (s *session) settled() bool { return s.hasTold && s.told == s.position }

// synced ends a replay.
func (s *session) synced() error {
	s.settle()
	s.out.buf = wire.AppendSynced(s.out.buf, wire.Synced{Position: s.position})
	return s.out.flush()
}

// beat sends a heartbeat. The age is 0: this node is the authority.
func (s *session) beat() {
	s.out.buf = wire.AppendHeartbeat(s.out.buf, 0)
	s.lastBeat = time.Now()
}

// beatInReplay keeps the heartbeat of a long replay.
func (s *session) beatInReplay() (due bool) {
	if due = time.Since(s.lastBeat) >= s.server.cfg.Heartbeat; due {
		s.beat()
	}
	return due
}

func (s *session) epoch() string { return s.server.ring.Epoch() }

func (s *session) cursor(position uint64) wire.Cursor {
	return wire.Cursor{Epoch: s.epoch(), Position: position}
}
