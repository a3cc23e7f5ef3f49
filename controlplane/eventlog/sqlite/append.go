package sqlite

import (
	"bytes"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/ringcast/ringcast/controlplane"
	"github.com/ringcast/ringcast/controlplane/eventlog"
)

// refused carries a refusal out of an append: nothing was written for it, and
// the other appends of the group stand.
type refused struct{ err error }

func (r *refused) Error() string { return r.err.Error() }

// append decides and writes one job. The unit is empty where every request is
// a repeat.
func (tx *txn) append(j *job, now time.Time, remembered time.Duration) (controlplane.Unit, error) {
	receipts, fresh, err := tx.recall(j.requests, now.Add(-remembered))
	if err != nil {
		return controlplane.Unit{}, err
	}
	var unit controlplane.Unit
	if fresh {
		if unit, err = tx.decide(j.decide, view{tx, receipts, now}); err != nil {
			return controlplane.Unit{}, err
		}
		if err := tx.write(unit); err != nil {
			return controlplane.Unit{}, fmt.Errorf("write unit: %w", err)
		}
		if err := tx.record(j.requests, receipts, unit.Position, now); err != nil {
			return controlplane.Unit{}, fmt.Errorf("write request: %w", err)
		}
	}
	j.receipts = receipts
	return unit, nil
}

// recall finds the receipts of requests that were made before. fresh says that
// one at least was not.
func (tx *txn) recall(requests []eventlog.Request, since time.Time) (receipts []eventlog.Receipt, fresh bool, err error) {
	receipts = make([]eventlog.Receipt, len(requests))
	var reused []int
	for i, r := range requests {
		if r.ID == "" {
			fresh = true
			continue
		}
		var digest []byte
		err := tx.stmt.recall.QueryRowContext(tx.ctx, r.Principal, r.ID, since.Unix()).Scan(&digest, &receipts[i].Position)
		switch {
		case errors.Is(err, sql.ErrNoRows):
			fresh = true
		case err != nil:
			return nil, false, fmt.Errorf("read request: %w", err)
		case !bytes.Equal(digest, r.Digest[:]):
			reused = append(reused, i)
		default:
			receipts[i].Epoch, receipts[i].Repeated = tx.head.Epoch, true
		}
	}
	if len(reused) > 0 {
		return nil, false, &refused{&eventlog.ReusedError{Requests: reused}}
	}
	return receipts, fresh, nil
}

// decide runs the decision and gives its events their places.
func (tx *txn) decide(decide controlplane.Decision, v view) (controlplane.Unit, error) {
	events, err := decide(v)
	if tx.failed != nil {
		return controlplane.Unit{}, tx.failed
	}
	if err != nil {
		return controlplane.Unit{}, &refused{err}
	}
	if len(events) == 0 || len(events) > eventlog.MaxUnit {
		return controlplane.Unit{}, &refused{fmt.Errorf("a unit has 1 to %d events, not %d", eventlog.MaxUnit, len(events))}
	}
	events = slices.Clone(events) // the decision may return the same ones again
	for i := range events {
		events[i].Position = tx.head.Position + uint64(i) + 1
	}
	return controlplane.Unit{Position: tx.head.Position + uint64(len(events)), Events: events}, nil
}

// write stores a unit, drops what it supersedes and moves the head.
func (tx *txn) write(unit controlplane.Unit) error {
	for _, e := range unit.Events {
		for _, entity := range e.Entities {
			if err := tx.succeed(entity, e.Position); err != nil {
				return err
			}
		}
		_, err := tx.stmt.event.ExecContext(tx.ctx, int64(e.Position), int64(unit.Position), kind(e), e.Audience, e.Type,
			e.Time.Unix(), expiresAt(e), staleSince(e), len(e.Entities), strings.Join(e.Entities, "\n"), e.Data, e.Channel)
		if err != nil {
			return err
		}
	}
	return tx.moveHead(unit.Position)
}

// moveHead moves the head, which must be where this writer knows it.
func (tx *txn) moveHead(to uint64) error {
	result, err := tx.stmt.moveHead.ExecContext(tx.ctx, int64(to), int64(tx.head.Position))
	if err != nil {
		return err
	}
	if moved, err := result.RowsAffected(); err != nil || moved != 1 {
		return errors.Join(fmt.Errorf("the head is not at %d", tx.head.Position), err)
	}
	tx.head.Position = to
	return nil
}

// succeed makes position an entity's latest and drops the event that was, once
// it is the latest of nothing. That most entities are new makes it worth a look
// of its own: bans by the million are.
func (tx *txn) succeed(entity string, position uint64) error {
	tx.allows.add(entity)
	result, err := tx.stmt.claim.ExecContext(tx.ctx, entity, int64(position))
	if err != nil {
		return err
	}
	if claimed, err := result.RowsAffected(); err != nil || claimed == 1 {
		return err
	}
	var earlier, refs int64
	if err := tx.stmt.supersede.QueryRowContext(tx.ctx, entity).Scan(&earlier, &refs); err != nil {
		return err
	}
	if refs == 0 {
		if _, err := tx.stmt.forget.ExecContext(tx.ctx, earlier); err != nil {
			return err
		}
	}
	_, err = tx.stmt.point.ExecContext(tx.ctx, int64(position), entity)
	return err
}

// record remembers the fresh requests, writes their audit and completes their
// receipts.
func (tx *txn) record(requests []eventlog.Request, receipts []eventlog.Receipt, position uint64, now time.Time) error {
	for i, r := range requests {
		if receipts[i].Repeated {
			continue
		}
		receipts[i] = eventlog.Receipt{Epoch: tx.head.Epoch, Position: position}
		_, err := tx.stmt.audit.ExecContext(tx.ctx, int64(position), now.Unix(), r.Principal, r.Address, r.RPC, r.ID, r.Detail)
		if err != nil {
			return err
		}
		if r.ID == "" {
			continue
		}
		if _, err := tx.stmt.remember.ExecContext(tx.ctx, r.Principal, r.ID, r.Digest[:], int64(position), now.Unix()); err != nil {
			return err
		}
	}
	return nil
}

func kind(e controlplane.Event) int {
	switch {
	case e.Moment():
		return kindMoment
	case e.Tombstone:
		return kindTombstone
	default:
		return kindPresent
	}
}

func expiresAt(e controlplane.Event) int64 {
	if e.ExpiresAt.IsZero() {
		return 0
	}
	return e.ExpiresAt.Unix()
}

// staleSince is when all that a state event still tells is an absence.
func staleSince(e controlplane.Event) any {
	switch {
	case e.Moment():
		return nil
	case e.Tombstone:
		return e.Time.Unix()
	case !e.ExpiresAt.IsZero():
		return e.ExpiresAt.Unix()
	default:
		return nil
	}
}
