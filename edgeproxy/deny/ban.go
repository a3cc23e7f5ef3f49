package deny

import (
	"cmp"
	"context"
	"database/sql"
	"fmt"
	"math"
	"net/netip"

	"github.com/ringcast/ringcast/internal/wire"
)

// Origin says who banned. The values are those in the state file; where several
// banned one prefix, the lowest answers.
type Origin int

const (
	// OriginOperator is the log's ban by an operator.
	OriginOperator Origin = iota
	// OriginAutomatic is the log's ban that some edge decided on.
	OriginAutomatic
	// OriginOwn is a ban of this edge alone. It survives a reset.
	OriginOwn
)

// banEdit is a row of bans to be written, or removed.
type banEdit struct {
	prefix    netip.Prefix
	origin    Origin
	gone      bool
	reason    string
	expiresAt int64
	// at is when one of OriginOwn was made, or of one that is gone, until when it was
	// made at the latest; Unix seconds. The log's are made at 0.
	at int64
}

// always is the at of an edit that removes a ban however old it is.
const always = math.MaxInt64

func (e *edits) ban(event *wire.IPBanned) error {
	prefix, err := parsePrefix(wire.TypeIPBanned, event.IP)
	if err != nil {
		return err
	}
	origin := OriginOperator
	if event.Automatic {
		origin = OriginAutomatic
	}
	e.bans = append(e.bans, banEdit{
		prefix: prefix, origin: origin, reason: event.Reason, expiresAt: event.ExpiresAt,
	})
	return nil
}

// unban lifts the bans of the prefix, but no ban of the edge's own that is younger than
// the event: where the stream was away for long, a client may have failed again since the
// operator forgave it. An event without a time, which no log writes, lifts them all.
//
// It also lifts the automatic bans of a single IPv6 address's /64, too: it is by that
// that the client was banned. An operator's ban of the /64 was named so, and stays.
// The entities of the log's event are the same.
func (e *edits) unban(event *wire.IPUnbanned) error {
	prefix, err := parsePrefix(wire.TypeIPUnbanned, event.IP)
	if err != nil {
		return err
	}
	at := cmp.Or(event.Timestamp, always)
	e.lift(prefix, at, OriginOperator, OriginAutomatic, OriginOwn)
	if wider, single := subscriber(prefix); single {
		e.lift(wider, at, OriginAutomatic, OriginOwn)
	}
	return nil
}

func (e *edits) lift(prefix netip.Prefix, at int64, origins ...Origin) {
	for _, origin := range origins {
		e.bans = append(e.bans, banEdit{prefix: prefix, origin: origin, gone: true, at: at})
	}
}

func parsePrefix(eventType, text string) (netip.Prefix, error) {
	prefix, err := wire.ParsePrefix(text)
	if err != nil {
		return netip.Prefix{}, fmt.Errorf("%w: %s: %w", wire.ErrUndecodable, eventType, err)
	}
	return prefix, nil
}

func compareBans(a, b *banEdit) int {
	return cmp.Or(a.prefix.Compare(b.prefix), cmp.Compare(a.origin, b.origin))
}

const banColumns = 5

func banTable(slot int) string { return fmt.Sprintf("bans_%d", slot) }

// text is the prefix in canonical form. It is made when it is needed: edits wait
// in large numbers.
func (b banEdit) text() string { return wire.FormatPrefix(b.prefix) }

func (b banEdit) removed() bool { return b.gone }

func (b banEdit) near() near { return nearOf(b.text()) }

// over leaves a ban that is younger than what an edit lifts; of two that lift, the later
// one says how far.
func (b banEdit) over(earlier banEdit) banEdit {
	switch {
	case !b.gone:
	case earlier.gone:
		b.at = max(b.at, earlier.at)
	case earlier.at > b.at:
		return earlier
	}
	return b
}

func (b banEdit) removal() []any { return []any{b.text(), int(b.origin), b.at} }

func (b banEdit) values(dst []any) []any {
	return append(dst, b.text(), int64(b.origin), b.reason, b.expiresAt, b.at)
}

// writeBans brings edits to the table of a slot.
func writeBans(ctx context.Context, tx *sql.Tx, slot int, bans []banEdit) ([]change, error) {
	gone, kept := latest(bans, compareBans)
	if err := remove(ctx, tx, `DELETE FROM `+banTable(slot)+` WHERE prefix = ? AND origin = ? AND made_at <= ?`, gone); err != nil {
		return nil, err
	}
	if err := insert(ctx, tx, banTable(slot), banColumns, kept); err != nil {
		return nil, err
	}
	changes := make([]change, 0, len(gone)+len(kept))
	for _, b := range kept {
		changes = append(changes, change{prefix: b.prefix, present: true})
	}
	for _, b := range gone {
		present, err := isBanned(ctx, tx, slot, b.text())
		if err != nil {
			return nil, err
		}
		changes = append(changes, change{prefix: b.prefix, present: present})
	}
	return changes, nil
}

// isBanned tells whether any row has exactly that prefix.
func isBanned(ctx context.Context, tx *sql.Tx, slot int, prefix string) (found bool, err error) {
	query := `SELECT EXISTS (SELECT 1 FROM ` + banTable(slot) + ` WHERE prefix = ?)`
	err = tx.QueryRowContext(ctx, query, prefix).Scan(&found)
	return found, err
}
