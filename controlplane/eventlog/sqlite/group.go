package sqlite

import (
	"context"
	"errors"
	"fmt"

	"github.com/ringcast/ringcast/controlplane"
	"github.com/ringcast/ringcast/controlplane/eventlog"
)

// maxGroup bounds the appends of one transaction, and so how long the first of
// them waits for the last.
const maxGroup = 256

// job is work for the writer: an append, or a step of the compaction.
type job struct {
	ctx      context.Context
	decide   controlplane.Decision
	requests []eventlog.Request
	step     func(context.Context) error
	done     chan error

	receipts []eventlog.Receipt
}

// Append implements eventlog.Log.
func (l *Log) Append(ctx context.Context, decide controlplane.Decision, requests ...eventlog.Request) ([]eventlog.Receipt, error) {
	if len(requests) == 0 {
		return nil, errors.New("append without a request")
	}
	j := &job{ctx: ctx, decide: decide, requests: requests}
	if err := l.submit(ctx, j); err != nil {
		return nil, err
	}
	return j.receipts, nil
}

// submit hands a job to the writer and waits for it.
func (l *Log) submit(ctx context.Context, j *job) error {
	j.done = make(chan error, 1)
	select {
	case <-l.closing:
		return eventlog.ErrClosed
	default:
	}
	select {
	case l.jobs <- j:
	case <-l.closing:
		return eventlog.ErrClosed
	case <-ctx.Done():
		return ctx.Err()
	}
	select {
	case err := <-j.done:
		return err
	case <-ctx.Done():
		return ctx.Err()
	case <-l.done:
		return l.settled(j)
	}
}

// settled answers for a job when the writer has ended: it may have been the
// last that was done.
func (l *Log) settled(j *job) error {
	select {
	case err := <-j.done:
		return err
	default:
		return eventlog.ErrClosed
	}
}

// run is the writer's goroutine.
func (l *Log) run() {
	defer close(l.done)
	for {
		select {
		case <-l.closing:
			return
		case j := <-l.jobs:
			l.serve(l.collect(j))
		}
	}
}

// collect takes what else waits, up to maxGroup.
func (l *Log) collect(first *job) []*job {
	group := []*job{first}
	for len(group) < maxGroup {
		select {
		case j := <-l.jobs:
			group = append(group, j)
		default:
			return group
		}
	}
	return group
}

// serve runs a group's compaction steps each by itself, and its appends
// together. A caller that has gone gets nothing written.
func (l *Log) serve(group []*job) {
	var appends []*job
	for _, j := range group {
		switch {
		case j.ctx.Err() != nil:
			j.done <- j.ctx.Err()
		case j.step != nil:
			j.done <- j.step(context.WithoutCancel(j.ctx))
		default:
			appends = append(appends, j)
		}
	}
	if len(appends) > 0 {
		l.commit(appends)
	}
}

// commit makes a group's appends durable together. A refusal concerns its own
// append alone; any other error concerns all.
func (l *Log) commit(group []*job) {
	results := make([]error, len(group))
	var units []controlplane.Unit
	now := l.cfg.Now()
	err := l.writer.update(context.Background(), func(tx *txn) error {
		for i, j := range group {
			unit, err := tx.append(j, now, l.cfg.Retention.Request)
			var refusal *refused
			if errors.As(err, &refusal) {
				results[i] = refusal.err
				continue
			}
			if err != nil {
				return err
			}
			if len(unit.Events) > 0 {
				units = append(units, unit)
			}
		}
		return nil
	})
	if err == nil && len(units) > 0 {
		l.cfg.Committed(units)
	}
	for i, j := range group {
		if err != nil {
			results[i] = fmt.Errorf("append: %w", err)
		}
		j.done <- results[i]
	}
}
