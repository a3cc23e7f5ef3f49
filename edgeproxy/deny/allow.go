package deny

import (
	"context"
	"database/sql"
	"fmt"
	"net/netip"

	"github.com/ringcast/ringcast/internal/wire"
)

// allowEdit is a row of allow entries to be written, or removed.
type allowEdit struct {
	prefix    netip.Prefix
	gone      bool
	reason    string
	expiresAt int64
}

func (e *edits) allow(event *wire.IPAllowed) error {
	prefix, err := parsePrefix(wire.TypeIPAllowed, event.IP)
	if err != nil {
		return err
	}
	e.allows = append(e.allows, allowEdit{prefix: prefix, reason: event.Reason, expiresAt: event.ExpiresAt})
	return nil
}

func (e *edits) removeAllow(event *wire.IPAllowRemoved) error {
	prefix, err := parsePrefix(wire.TypeIPAllowRemoved, event.IP)
	if err != nil {
		return err
	}
	e.allows = append(e.allows, allowEdit{prefix: prefix, gone: true})
	return nil
}

func compareAllows(a, b *allowEdit) int { return a.prefix.Compare(b.prefix) }

const allowColumns = 3

func allowTable(slot int) string { return fmt.Sprintf("allows_%d", slot) }

func (a allowEdit) text() string { return wire.FormatPrefix(a.prefix) }

func (a allowEdit) removed() bool { return a.gone }

func (a allowEdit) near() near { return nearOf(a.text()) }

func (a allowEdit) over(allowEdit) allowEdit { return a }

func (a allowEdit) removal() []any { return []any{a.text()} }

func (a allowEdit) values(dst []any) []any { return append(dst, a.text(), a.reason, a.expiresAt) }

// writeAllows brings edits to the table of a slot.
func writeAllows(ctx context.Context, tx *sql.Tx, slot int, allows []allowEdit) ([]change, error) {
	gone, kept := latest(allows, compareAllows)
	if err := remove(ctx, tx, `DELETE FROM `+allowTable(slot)+` WHERE prefix = ?`, gone); err != nil {
		return nil, err
	}
	if err := insert(ctx, tx, allowTable(slot), allowColumns, kept); err != nil {
		return nil, err
	}
	changes := make([]change, 0, len(gone)+len(kept))
	for _, a := range append(kept, gone...) {
		changes = append(changes, change{prefix: a.prefix, allow: true, present: !a.gone, expiresAt: a.expiresAt})
	}
	return changes, nil
}
