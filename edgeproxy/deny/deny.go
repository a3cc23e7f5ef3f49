// Package deny knows the banned addresses, the allow entries that win over bans, and
// the revoked tokens. They are rows in the edge's state file, and SQLite decides; an
// index in memory, made from the rows, answers the common case that nothing is
// denied. Where the index finds a ban or a revocation, the row says whether it still
// holds and why. Allow entries have nothing to tell but their end: the index has it.
//
// The tables exist twice: one slot is in force, and a reset fills the other, so
// that the switch between them is small whatever they hold.
package deny

import (
	"context"
	"database/sql"
	"fmt"
	"hash/maphash"
	"log/slog"
	"net/netip"
	"sync"
	"time"

	"github.com/gaissmai/bart"

	"github.com/ringcast/ringcast/internal/sqlitedb"
	"github.com/ringcast/ringcast/internal/wire"
)

// List is the deny list of an edge, a part of its state. The owner of the state file
// calls the methods of a part one at a time; all others may be called by many
// goroutines at any time after Load.
type List struct {
	log  *slog.Logger
	now  func() time.Time
	seed maphash.Seed
	// static are the edge's own allow entries, which never end. It is not changed.
	static bart.Lite
	// switched wakes Run.
	switched chan struct{}

	// Set by Load.
	read    *sql.DB
	queries queries

	// aside is what a reset has built so far, nil outside of one. It belongs to
	// the caller of the part's methods.
	aside *aside

	// mu guards what follows, and makes a whole unit change at once. slot is
	// written only by the caller of the part's methods, who may read it without mu.
	mu   sync.RWMutex
	slot int
	// index is nil until it has been built.
	index *index
	// missed are the changes since the building of the index began.
	missed   []change
	building bool
}

// Counts says how much the index holds.
type Counts struct {
	// Prefixes are the banned addresses and prefixes, whoever banned them.
	Prefixes int
	// Allows are the log's allow entries; those given to New are not among them.
	Allows int
	// Revocations are the revoked tokens and subjects.
	Revocations int
	// Indexed is false while the index is being built and the others are not known.
	Indexed bool
}

// New makes a list that expires by the clock now. What the prefixes in allow cover
// is never banned.
func New(log *slog.Logger, now func() time.Time, allow ...netip.Prefix) *List {
	l := &List{log: log, now: now, seed: maphash.MakeSeed(), switched: make(chan struct{}, 1)}
	for _, prefix := range allow {
		l.static.Insert(wire.CanonicalPrefix(prefix))
	}
	return l
}

// Load prepares the list to answer from SQLite alone. Run builds the index.
func (l *List) Load(ctx context.Context, db *sqlitedb.DB) error {
	l.read = db.Read
	if err := db.Read.QueryRowContext(ctx, `SELECT active FROM deny_slot`).Scan(&l.slot); err != nil {
		return fmt.Errorf("read deny slot: %w", err)
	}
	if err := l.queries.prepare(ctx, db.Read); err != nil {
		return fmt.Errorf("prepare deny look-ups: %w", err)
	}
	return nil
}

// Counts gives the present size of the list, expired entries that Run has not
// dropped yet among it.
func (l *List) Counts() Counts {
	l.mu.RLock()
	defer l.mu.RUnlock()
	if l.index == nil {
		return Counts{}
	}
	return Counts{
		Prefixes: l.index.prefixes.Size(), Allows: l.index.allows.Size(),
		Revocations: len(l.index.tokens), Indexed: true,
	}
}

// Apply writes the bans, allow entries and revocations among events, and removes what
// an unban, the removal of an entry or a restoration takes back. An unban of a
// single IPv6 address takes back what was decided automatically on its /64, too, and none
// takes back a ban of the edge's own that is younger. What
// has already expired is written like the rest: the clock may be wrong. Errors wrap
// wire.ErrUndecodable for a text that is no address or a token reference that names
// not exactly one thing.
func (l *List) Apply(ctx context.Context, tx *sql.Tx, events []any) (publish func(), err error) {
	e, err := decode(events)
	if err != nil || e.size() == 0 {
		return nil, err
	}
	changes, err := e.write(ctx, tx, l.slot, l.seed)
	if err != nil {
		return nil, fmt.Errorf("write deny list: %w", err)
	}
	return func() { l.publish(changes) }, nil
}

// Gap has nothing to do: bans, allow entries and revocations are state events, of
// which none is ever lost.
func (l *List) Gap(context.Context, *sql.Tx) (publish func(), err error) { return nil, nil }

// publish puts committed changes in force.
func (l *List) publish(changes []change) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.index != nil {
		l.index.apply(changes)
	} else if l.building {
		l.missed = append(l.missed, changes...)
	}
}
