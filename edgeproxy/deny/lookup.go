package deny

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/netip"
	"strings"

	"github.com/ringcast/ringcast/internal/wire"
)

// queries are the prepared look-ups. Each is one statement on a view and so sees
// one committed state, whichever slot is in force by then.
type queries struct {
	// prefix finds the bans of one prefix; cover4 and cover6 the bans and the allow
	// entries of every prefix that may cover an address.
	prefix, cover4, cover6 *sql.Stmt
	// token finds the rows of a hash, a jti and a subject.
	token *sql.Stmt
}

func (q *queries) prepare(ctx context.Context, db *sql.DB) error {
	for _, p := range []struct {
		stmt  **sql.Stmt
		query string
	}{
		{&q.prefix, banSQL(1)},
		{&q.cover4, coverSQL(32 - wire.MinPrefixBits4 + 1)},
		{&q.cover6, coverSQL(128 - wire.MinPrefixBits6 + 1)},
		{&q.token, `SELECT kind, reason, expires_at, issued_before FROM revocations
			WHERE (kind, name) IN (VALUES ('hash', ?), ('jti', ?), ('subject', ?)) ORDER BY kind`},
	} {
		stmt, err := db.PrepareContext(ctx, p.query)
		if err != nil {
			return err
		}
		*p.stmt = stmt
	}
	return nil
}

func banSQL(prefixes int) string {
	return `SELECT 0, prefix, origin, reason, expires_at FROM bans WHERE prefix IN (` + numbered(prefixes) + `)`
}

// coverSQL asks one committed state for bans and allow entries.
func coverSQL(prefixes int) string {
	return banSQL(prefixes) + ` UNION ALL
		SELECT 1, prefix, 0, reason, expires_at FROM allows WHERE prefix IN (` + numbered(prefixes) + `)`
}

// numbered gives the parameters ?1 to ?n, which a statement may use twice.
func numbered(n int) string {
	var list strings.Builder
	for i := 1; i <= n; i++ {
		if i > 1 {
			list.WriteString(", ")
		}
		fmt.Fprintf(&list, "?%d", i)
	}
	return list.String()
}

// covers is what covers an address.
type covers struct {
	// ban is, of the live ones, that of the longest prefix and there of the lowest
	// origin.
	ban Ban
	// banned says that there is one, logged that one is the log's, and own that one is
	// the edge's.
	banned, logged, own bool
	// allowed says that a live allow entry is there.
	allowed bool
}

// exactly gives the live bans of one prefix.
func (q *queries) exactly(prefix netip.Prefix, now int64) (covers, error) {
	return find(q.prefix, now, wire.FormatPrefix(prefix))
}

// covering gives what covers addr.
func (q *queries) covering(addr netip.Addr, now int64) (covers, error) {
	return q.coveringAll(netip.PrefixFrom(addr, addr.BitLen()), now)
}

// coveringAll gives what covers the whole of prefix.
func (q *queries) coveringAll(prefix netip.Prefix, now int64) (covers, error) {
	stmt, least := q.cover6, wire.MinPrefixBits6
	if prefix.Addr().Is4() {
		stmt, least = q.cover4, wire.MinPrefixBits4
	}
	texts := make([]any, prefix.Addr().BitLen()-least+1) // NULL is in no list
	for bits := least; bits <= prefix.Bits(); bits++ {
		texts[bits-least] = wire.FormatPrefix(netip.PrefixFrom(prefix.Addr(), bits).Masked())
	}
	return find(stmt, now, texts...)
}

// find gives what the live rows say that the query finds.
func find(stmt *sql.Stmt, now int64, prefixes ...any) (c covers, err error) {
	// Without a context that can be cancelled the driver needs no goroutine.
	rows, err := stmt.QueryContext(context.Background(), prefixes...)
	if err != nil {
		return covers{}, err
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	for rows.Next() {
		ban, isAllow, err := scanEntry(rows)
		if err != nil {
			return covers{}, err
		}
		if live(ban.ExpiresAt, now) {
			c.add(ban, isAllow)
		}
	}
	return c, rows.Err()
}

func (c *covers) add(ban Ban, isAllow bool) {
	if isAllow {
		c.allowed = true
		return
	}
	c.logged = c.logged || ban.Origin != OriginOwn
	c.own = c.own || ban.Origin == OriginOwn
	if !c.banned || ban.before(c.ban) {
		c.ban, c.banned = ban, true
	}
}

func scanEntry(rows *sql.Rows) (ban Ban, isAllow bool, err error) {
	var text string
	if err := rows.Scan(&isAllow, &text, &ban.Origin, &ban.Reason, &ban.ExpiresAt); err != nil {
		return Ban{}, false, err
	}
	ban.Prefix, err = wire.ParsePrefix(text)
	return ban, isAllow, err
}

func (b Ban) before(other Ban) bool {
	if b.Prefix.Bits() != other.Prefix.Bits() {
		return b.Prefix.Bits() > other.Prefix.Bits()
	}
	return b.Origin < other.Origin
}

// revocation gives the first live revocation of the token.
func (q *queries) revocation(t Token, now int64) (first Revocation, found bool, err error) {
	rows, err := q.token.QueryContext(context.Background(), t.Hash, t.JTI, t.Subject)
	if err != nil {
		return Revocation{}, false, err
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	for rows.Next() && !found {
		var issuedBefore int64
		if err := rows.Scan(&first.Kind, &first.Reason, &first.ExpiresAt, &issuedBefore); err != nil {
			return Revocation{}, false, err
		}
		found = live(first.ExpiresAt, now) && (first.Kind != KindSubject || t.issuedBy(issuedBefore))
	}
	if !found {
		return Revocation{}, false, rows.Err()
	}
	return first, true, nil
}
