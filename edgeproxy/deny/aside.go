package deny

import (
	"context"
	"database/sql"
	"fmt"
)

// asideRows is how many rows a reset gathers before it writes them. The log's
// order is not that of the keys, so that each batch touches most pages of the
// table: larger batches write less. It bounds the memory, some 50 MB, and the time
// that a batch, or the switch, holds the write lock: about a second.
const asideRows = 1 << 18

// aside is the state that a reset builds: the slot that is not in force, an index
// of it, and what is still to be written there.
//
// It begins with the edge's own bans, so that an unban in the reset lifts them
// too. BanOwn and LiftOwn change both slots.
type aside struct {
	index   *index
	pending edits
}

// Aside implements the part of a state. The rows are in the slot at the latest
// after Switch.
func (l *List) Aside(ctx context.Context, tx *sql.Tx, events []any) error {
	more, err := decode(events)
	if err != nil {
		return err
	}
	if err := l.begin(ctx, tx); err != nil {
		return err
	}
	l.aside.pending.append(more)
	if l.aside.pending.size() < asideRows {
		return nil
	}
	return l.flush(ctx, tx)
}

// Switch implements the part of a state.
func (l *List) Switch(ctx context.Context, tx *sql.Tx) (publish func(), err error) {
	if err := l.begin(ctx, tx); err != nil {
		return nil, err
	}
	if err := l.flush(ctx, tx); err != nil {
		return nil, err
	}
	next := 1 - l.slot
	if _, err := tx.ExecContext(ctx, `UPDATE deny_slot SET active = ?`, next); err != nil {
		return nil, fmt.Errorf("switch deny slot: %w", err)
	}
	built := l.aside.index
	return func() {
		l.aside = nil
		l.enforce(built, next)
		l.wake()
	}, nil
}

// Abandon implements the part of a state.
func (l *List) Abandon(ctx context.Context, tx *sql.Tx) error {
	l.aside = nil
	return l.clear(ctx, tx)
}

// begin makes an aside if there is none.
func (l *List) begin(ctx context.Context, tx *sql.Tx) error {
	if l.aside != nil {
		return nil
	}
	if err := l.clear(ctx, tx); err != nil {
		return err
	}
	own := `INSERT INTO ` + banTable(1-l.slot) + ` SELECT * FROM ` + banTable(l.slot) + ` WHERE origin = ?`
	if _, err := tx.ExecContext(ctx, own, int(OriginOwn)); err != nil {
		return fmt.Errorf("copy own bans: %w", err)
	}
	built := newIndex()
	if err := built.readBans(ctx, tx, 1-l.slot); err != nil {
		return fmt.Errorf("index own bans: %w", err)
	}
	l.aside = &aside{index: built}
	return nil
}

func (l *List) flush(ctx context.Context, tx *sql.Tx) error {
	changes, err := l.aside.pending.write(ctx, tx, 1-l.slot, l.seed)
	if err != nil {
		return fmt.Errorf("write deny list aside: %w", err)
	}
	l.aside.index.apply(changes)
	l.aside.pending.clear()
	return nil
}

// clear empties the slot that is not in force. Without a condition SQLite frees
// whole pages, 50 ms for a million rows. A reader that still uses them has a
// snapshot of its own.
func (l *List) clear(ctx context.Context, tx *sql.Tx) error {
	for _, table := range []string{banTable(1 - l.slot), allowTable(1 - l.slot), tokenTable(1 - l.slot)} {
		if _, err := tx.ExecContext(ctx, `DELETE FROM `+table); err != nil {
			return fmt.Errorf("clear deny slot: %w", err)
		}
	}
	return nil
}

// enforce puts the state built aside in force.
func (l *List) enforce(built *index, slot int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.index, l.slot = built, slot
	l.missed, l.building = nil, false
}
