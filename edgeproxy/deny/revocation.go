package deny

import (
	"cmp"
	"context"
	"database/sql"
	"encoding/hex"
	"fmt"
	"hash/maphash"
	"strings"

	"github.com/ringcast/ringcast/internal/wire"
)

// Kind says what a revocation names. The values are those in the state file.
type Kind string

// Kinds of revocations, in the order in which they answer.
const (
	KindHash    Kind = "hash"
	KindJTI     Kind = "jti"
	KindSubject Kind = "subject"
)

// hashHexLen is the length of a SHA-256 in hexadecimal.
const hashHexLen = 64

// tokenEdit is a row of revocations to be written, or removed.
type tokenEdit struct {
	kind         Kind
	name         string
	gone         bool
	reason       string
	expiresAt    int64
	issuedBefore int64
}

func (e *edits) revoke(event *wire.TokenRevoked) error {
	kind, name, err := tokenName(wire.TypeTokenRevoked, event.TokenRef)
	if err != nil {
		return err
	}
	edit := tokenEdit{kind: kind, name: name, reason: event.Reason, expiresAt: event.ExpiresAt}
	if kind == KindSubject {
		edit.issuedBefore = event.IssuedBefore
	}
	e.tokens = append(e.tokens, edit)
	return nil
}

func (e *edits) restore(event *wire.TokenRestored) error {
	kind, name, err := tokenName(wire.TypeTokenRestored, event.TokenRef)
	if err != nil {
		return err
	}
	e.tokens = append(e.tokens, tokenEdit{kind: kind, name: name, gone: true})
	return nil
}

func tokenName(eventType string, ref wire.TokenRef) (Kind, string, error) {
	var kind Kind
	switch ref {
	case wire.TokenRef{JTI: ref.JTI}:
		kind = KindJTI
	case wire.TokenRef{Subject: ref.Subject}:
		kind = KindSubject
	case wire.TokenRef{TokenHash: ref.TokenHash}:
		kind = KindHash
	}
	name := ref.JTI + ref.Subject + ref.TokenHash
	if kind == "" || name == "" {
		return "", "", fmt.Errorf("%w: %s: want exactly one of jti, subject and token_hash", wire.ErrUndecodable, eventType)
	}
	if kind == KindHash && !isHash(name) {
		return "", "", fmt.Errorf("%w: %s: token_hash is not a SHA-256 in lower-case hexadecimal", wire.ErrUndecodable, eventType)
	}
	return kind, name, nil
}

func isHash(s string) bool {
	_, err := hex.DecodeString(s)
	return err == nil && len(s) == hashHexLen && s == strings.ToLower(s)
}

func compareTokens(a, b *tokenEdit) int {
	return cmp.Or(cmp.Compare(a.kind, b.kind), cmp.Compare(a.name, b.name))
}

const tokenColumns = 5

func tokenTable(slot int) string { return fmt.Sprintf("revocations_%d", slot) }

func (t tokenEdit) removed() bool { return t.gone }

func (t tokenEdit) near() near { return nearOf(t.name) }

func (t tokenEdit) over(tokenEdit) tokenEdit { return t }

func (t tokenEdit) removal() []any { return []any{string(t.kind), t.name} }

func (t tokenEdit) values(dst []any) []any {
	return append(dst, string(t.kind), t.name, t.reason, t.expiresAt, t.issuedBefore)
}

// writeTokens brings edits to the table of a slot.
func writeTokens(ctx context.Context, tx *sql.Tx, slot int, seed maphash.Seed, tokens []tokenEdit) ([]change, error) {
	gone, kept := latest(tokens, compareTokens)
	if err := remove(ctx, tx, `DELETE FROM `+tokenTable(slot)+` WHERE kind = ? AND name = ?`, gone); err != nil {
		return nil, err
	}
	if err := insert(ctx, tx, tokenTable(slot), tokenColumns, kept); err != nil {
		return nil, err
	}
	changes := make([]change, 0, len(gone)+len(kept))
	for _, t := range append(kept, gone...) {
		changes = append(changes, change{token: tokenSum(seed, t.kind, t.name), present: !t.gone})
	}
	return changes, nil
}
