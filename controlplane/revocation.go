package controlplane

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"time"

	"github.com/ringcast/ringcast/internal/wire"
)

// TokenPrefix begins the entities of all revocations.
const TokenPrefix = "token/"

// TokenHash is how a raw token is named: the SHA-256 of its bytes, in
// lower-case hexadecimal. The token itself is never kept.
func TokenHash(token string) string {
	sum := sha256.Sum256([]byte(token))
	return hex.EncodeToString(sum[:])
}

// TokenEntity names the entity of a revocation.
func TokenEntity(ref wire.TokenRef) string {
	switch {
	case ref.JTI != "":
		return TokenPrefix + "jti/" + ref.JTI
	case ref.Subject != "":
		return TokenPrefix + "subject/" + ref.Subject
	default:
		return TokenPrefix + "hash/" + ref.TokenHash
	}
}

// Revocation asks for a token, or a subject's tokens issued up to now, to be
// refused.
type Revocation struct {
	Token wire.TokenRef
	// Reason is shown to operators.
	Reason string
	// TTL is the revocation's length; 0: as long as the tokens that it names can
	// be valid.
	TTL time.Duration
	// Life is the longest that a token is valid from its issue; 0: not known, and
	// so without an end.
	Life time.Duration
}

// Decide implements Decision. A revocation that follows a live one of the same
// entity keeps the later end and the later moment of issue of the two:
// protection never shrinks by accident. One without a TTL lasts until the last
// token that it names, issued at that moment at the latest, has ended.
func (r Revocation) Decide(s State) ([]Event, error) {
	now := s.Now()
	entity := TokenEntity(r.Token)
	revoked := wire.TokenRevoked{
		TokenRef: r.Token, Reason: r.Reason, Timestamp: now.Unix(),
		ExpiresAt: unixOrZero(expiry(now, cmp.Or(r.TTL, r.Life))),
	}
	if r.Token.Subject != "" {
		revoked.IssuedBefore = now.Unix()
	}
	earlier, found, err := s.Latest(entity)
	if err != nil {
		return nil, err
	}
	if found && earlier.Live(now) {
		if err := widen(&revoked, earlier.Data); err != nil {
			return nil, err
		}
	}
	if issued := timeOrZero(revoked.IssuedBefore); r.TTL == 0 && revoked.ExpiresAt != 0 && !issued.IsZero() {
		// The clock may have gone back since the earlier revocation.
		revoked.ExpiresAt = max(revoked.ExpiresAt, expiry(issued, r.Life).Unix())
	}
	return state(now, timeOrZero(revoked.ExpiresAt), &revoked, entity), nil
}

func widen(revoked *wire.TokenRevoked, earlier []byte) error {
	var e wire.TokenRevoked
	if err := json.Unmarshal(earlier, &e); err != nil {
		return fmt.Errorf("read the earlier revocation: %w", err)
	}
	revoked.IssuedBefore = max(revoked.IssuedBefore, e.IssuedBefore)
	if e.ExpiresAt == 0 || revoked.ExpiresAt == 0 {
		revoked.ExpiresAt = 0
	} else {
		revoked.ExpiresAt = max(revoked.ExpiresAt, e.ExpiresAt)
	}
	return nil
}

// Restoration takes a revocation back.
type Restoration struct {
	Token wire.TokenRef
}

// Decide implements Decision.
func (r Restoration) Decide(s State) ([]Event, error) {
	now := s.Now()
	return tombstone(now, &wire.TokenRestored{TokenRef: r.Token, Timestamp: now.Unix()}, TokenEntity(r.Token)), nil
}

func timeOrZero(unix int64) time.Time {
	if unix == 0 {
		return time.Time{}
	}
	return time.Unix(unix, 0)
}
