package sqlite

import (
	"context"
	"database/sql"
	"fmt"
	"strings"

	"github.com/ringcast/ringcast/controlplane"
)

// names are the entities of the allow entries that the log has, live or not, and
// maybe some that it has no longer. Every ban asks for the entries of all wider
// prefixes, up to 113, of which hardly any is there: without names in memory
// each would be a query. nil: to be read.
type names map[string]struct{}

// add takes in an entity of which an event is being written.
func (n names) add(entity string) {
	if n != nil && strings.HasPrefix(entity, controlplane.AllowPrefix) {
		n[entity] = struct{}{}
	}
}

// drop is told of an entity that goes: the names are read again, if the
// transaction stands or not.
func (n *names) drop(entity string) {
	if strings.HasPrefix(entity, controlplane.AllowPrefix) {
		n.forget()
	}
}

func (n *names) forget() { *n = nil }

// absent tells, without a query, that the log has no event of an entity. It may
// be false where there is none.
func (tx *txn) absent(entity string) (bool, error) {
	if !strings.HasPrefix(entity, controlplane.AllowPrefix) {
		return false, nil
	}
	if tx.allows == nil {
		read, err := readNames(tx.ctx, tx.conn, controlplane.AllowPrefix)
		if err != nil {
			return false, tx.fail("read allow entries", err)
		}
		tx.allows = read
	}
	_, known := tx.allows[entity]
	return !known, nil
}

func readNames(ctx context.Context, conn *sql.Conn, prefix string) (n names, err error) {
	rows, err := conn.QueryContext(ctx, `SELECT entity FROM entities WHERE entity >= ? AND entity < ?`, prefix, prefixEnd(prefix))
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	n = make(names)
	for rows.Next() {
		var entity string
		if err := rows.Scan(&entity); err != nil {
			return nil, fmt.Errorf("scan entity: %w", err)
		}
		n[entity] = struct{}{}
	}
	return n, rows.Err()
}
