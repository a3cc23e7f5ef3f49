package deny

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/netip"
	"slices"

	"github.com/ringcast/ringcast/internal/wire"
)

// BanOwn puts bans of the edge's own in force, all in one transaction, and returns
// when they are. They stand beside the log's bans of the same prefix and change
// none. Where there is one of the edge's own already, that which ends later stays.
// Restarts and resets leave them; an unban of the prefix lifts them, unless it is older
// than they are by the clocks of control plane and edge. Origin is not
// looked at, and what has already expired is passed over.
//
// Prefixes must be in canonical form; errors wrap wire.ErrAddress for one that is
// not. After an error nothing has changed.
func (l *List) BanOwn(ctx context.Context, store Store, bans ...Ban) error {
	own, err := ownEdits(bans, l.now().Unix())
	if err != nil || len(own) == 0 {
		return err
	}
	if err := l.editOwn(ctx, store, own, prolong); err != nil {
		return fmt.Errorf("write own bans: %w", err)
	}
	return nil
}

// LiftOwn takes back the edge's own bans of exactly those prefixes, and returns when
// that is in force. The log's bans stay.
func (l *List) LiftOwn(ctx context.Context, store Store, prefixes ...netip.Prefix) error {
	own := make([]banEdit, len(prefixes))
	for i, prefix := range prefixes {
		own[i] = banEdit{prefix: wire.CanonicalPrefix(prefix), origin: OriginOwn, gone: true, at: always}
	}
	if err := l.editOwn(ctx, store, own, nil); err != nil {
		return fmt.Errorf("lift own bans: %w", err)
	}
	return nil
}

// BannedByLog tells whether a ban of the log covers the whole of prefix. An error
// tells that the state file could not be read.
func (l *List) BannedByLog(prefix netip.Prefix) (bool, error) {
	covers, err := l.queries.coveringAll(wire.CanonicalPrefix(prefix), l.now().Unix())
	if err != nil {
		return false, fmt.Errorf("look up ban: %w", err)
	}
	return covers.logged, nil
}

// BannedByEdge tells whether a ban of the edge's own, of exactly that prefix, is in
// force. An error tells that the state file could not be read.
func (l *List) BannedByEdge(prefix netip.Prefix) (bool, error) {
	covers, err := l.queries.exactly(wire.CanonicalPrefix(prefix), l.now().Unix())
	if err != nil {
		return false, fmt.Errorf("look up own ban: %w", err)
	}
	return covers.own, nil
}

// ownEdits gives the edits in the order of their ends: of several of one prefix the
// last counts.
func ownEdits(bans []Ban, now int64) ([]banEdit, error) {
	var own []banEdit
	for _, ban := range bans {
		prefix, err := wire.ParsePrefix(ban.Prefix.String())
		if err != nil {
			return nil, fmt.Errorf("ban %s: %w", ban.Prefix, err)
		}
		if live(ban.ExpiresAt, now) {
			own = append(own, banEdit{prefix: prefix, origin: OriginOwn, reason: ban.Reason, expiresAt: ban.ExpiresAt, at: now})
		}
	}
	slices.SortStableFunc(own, func(a, b banEdit) int { return compareEnds(a.expiresAt, b.expiresAt) })
	return own, nil
}

// compareEnds orders Unix seconds of which 0 stands for never.
func compareEnds(a, b int64) int {
	switch {
	case a == b:
		return 0
	case a != 0 && (b == 0 || a < b):
		return -1
	}
	return 1
}

// editOwn writes to the slot in force and hands the same to a reset under way. merge,
// if any, sees the edits before, to fit them to the rows that are there.
func (l *List) editOwn(ctx context.Context, store Store, own []banEdit,
	merge func(ctx context.Context, tx *sql.Tx, slot int, own []banEdit) error,
) error {
	return store.Update(ctx, func(tx *sql.Tx) (func(), error) {
		if merge != nil {
			if err := merge(ctx, tx, l.slot, own); err != nil {
				return nil, err
			}
		}
		e := edits{bans: own}
		changes, err := e.write(ctx, tx, l.slot, l.seed)
		return func() {
			if l.aside != nil {
				l.aside.pending.append(e)
			}
			l.publish(changes)
		}, err
	})
}

// prolong gives the bans that are there already and end later the place of those that
// were to be written.
func prolong(ctx context.Context, tx *sql.Tx, slot int, own []banEdit) error {
	stmt, err := tx.PrepareContext(ctx, `SELECT reason, expires_at FROM `+banTable(slot)+` WHERE prefix = ? AND origin = ?`)
	if err != nil {
		return err
	}
	defer stmt.Close()
	for i := range own {
		var reason string
		var expiresAt int64
		err := stmt.QueryRowContext(ctx, own[i].text(), int(OriginOwn)).Scan(&reason, &expiresAt)
		switch {
		case errors.Is(err, sql.ErrNoRows):
		case err != nil:
			return err
		case compareEnds(expiresAt, own[i].expiresAt) > 0:
			own[i].reason, own[i].expiresAt = reason, expiresAt
		}
	}
	return nil
}
