package deny

import (
	"context"
	"database/sql"
	"errors"
	"net/netip"
	"strings"

	"github.com/ringcast/ringcast/internal/wire"
)

// queries are the prepared look-ups. Each is one statement on a view and so sees
// one committed state, whichever slot is in force by then.
type queries struct {
	// prefix finds the rows of one prefix; cover4 and cover6 those of every prefix
	// that may cover an address.
	prefix, cover4, cover6 *sql.Stmt
	// token finds the rows of a hash, a jti and a subject.
	token *sql.Stmt
}

func (q *queries) prepare(ctx context.Context, db *sql.DB) error {
	for _, p := range []struct {
		stmt  **sql.Stmt
		query string
	}{
		{&q.prefix, coverSQL(1)},
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

func coverSQL(prefixes int) string {
	return `SELECT prefix, origin, reason, expires_at FROM bans WHERE prefix IN (?` + strings.Repeat(`, ?`, prefixes-1) + `)`
}

// exactly gives the live ban of one prefix.
func (q *queries) exactly(prefix netip.Prefix, now int64) (Ban, bool, error) {
	return firstBan(q.prefix, now, wire.FormatPrefix(prefix))
}

// covering gives the live ban of the longest prefix that covers addr.
func (q *queries) covering(addr netip.Addr, now int64) (Ban, bool, error) {
	stmt, least := q.cover6, wire.MinPrefixBits6
	if addr.Is4() {
		stmt, least = q.cover4, wire.MinPrefixBits4
	}
	prefixes := make([]any, 0, addr.BitLen()-least+1)
	for bits := addr.BitLen(); bits >= least; bits-- {
		prefixes = append(prefixes, wire.FormatPrefix(netip.PrefixFrom(addr, bits).Masked()))
	}
	return firstBan(stmt, now, prefixes...)
}

// firstBan gives, of the live rows that the query finds, that of the longest
// prefix and there of the lowest origin.
func firstBan(stmt *sql.Stmt, now int64, prefixes ...any) (first Ban, found bool, err error) {
	// Without a context that can be cancelled the driver needs no goroutine.
	rows, err := stmt.QueryContext(context.Background(), prefixes...)
	if err != nil {
		return Ban{}, false, err
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	for rows.Next() {
		ban, err := scanBan(rows)
		if err != nil {
			return Ban{}, false, err
		}
		if live(ban.ExpiresAt, now) && (!found || ban.before(first)) {
			first, found = ban, true
		}
	}
	return first, found, rows.Err()
}

func scanBan(rows *sql.Rows) (ban Ban, err error) {
	var text string
	if err := rows.Scan(&text, &ban.Origin, &ban.Reason, &ban.ExpiresAt); err != nil {
		return Ban{}, err
	}
	ban.Prefix, err = wire.ParsePrefix(text)
	return ban, err
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
