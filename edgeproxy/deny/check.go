package deny

import (
	"fmt"
	"net/netip"

	"github.com/ringcast/ringcast/internal/wire"
)

// Ban is why an address is refused.
type Ban struct {
	// Prefix is the address or prefix that was banned, in canonical form.
	Prefix netip.Prefix
	Origin Origin
	// Reason is shown to the refused client.
	Reason string
	// ExpiresAt is the end in Unix seconds; 0: none.
	ExpiresAt int64
}

// Token is what a revocation can name of a token. What is empty is not known.
type Token struct {
	// JTI and Subject are the claims of RFC 7519, sections 4.1.7 and 4.1.2.
	JTI     string
	Subject string
	// IssuedAt is in Unix seconds; 0: not known.
	IssuedAt int64
	// Hash is the SHA-256 of the token's bytes in lower-case hexadecimal.
	Hash string
}

// Revocation is why a token is refused.
type Revocation struct {
	// Kind says what of the token was revoked.
	Kind   Kind
	Reason string
	// ExpiresAt is the end in Unix seconds; 0: none.
	ExpiresAt int64
}

// Check gives the ban that covers addr, unless an allow entry covers it, too,
// whichever of them is wider: the ban of the longest prefix, and of one prefix the
// operator's before an automatic one and the edge's own. IPv4 that is mapped into IPv6,
// or translated by 64:ff9b::/96, counts as IPv4, and a zone does not count. The zero
// Addr is not banned.
//
// An address that is banned both before and after a change is never seen
// allowed while the change is made. An error tells that the state file could not
// be read; nothing is known of addr then.
func (l *List) Check(addr netip.Addr) (Ban, bool, error) {
	addr = wire.CanonicalAddr(addr)
	prefix, possible := l.match(addr)
	if !possible || l.static.Contains(addr) {
		return Ban{}, false, nil
	}
	ban, found, err := l.lookup(addr, prefix)
	if err != nil {
		return Ban{}, false, fmt.Errorf("look up ban: %w", err)
	}
	return ban, found, nil
}

// Allowed tells whether an allow entry covers addr, so that no ban of it counts. An
// error tells that the state file could not be read.
func (l *List) Allowed(addr netip.Addr) (bool, error) {
	addr = wire.CanonicalAddr(addr)
	if l.static.Contains(addr) {
		return true, nil
	}
	now := l.now().Unix()
	if allowed, known := l.matchAllow(addr, now); known || !addr.IsValid() {
		return allowed, nil
	}
	covers, err := l.queries.covering(addr, now)
	if err != nil {
		return false, fmt.Errorf("look up allow entry: %w", err)
	}
	return covers.allowed, nil
}

// matchAllow tells whether addr is allowed, if the index is there to know.
func (l *List) matchAllow(addr netip.Addr, now int64) (allowed, known bool) {
	l.mu.RLock()
	defer l.mu.RUnlock()
	return l.index != nil && l.index.allowed(addr, now), l.index != nil
}

// lookup asks SQLite. The row of prefix, where valid, decides unless it expired.
// Otherwise all prefixes are asked for at once: the index may be behind what is
// committed, so that its next shorter prefix may be gone and a new one not there.
func (l *List) lookup(addr netip.Addr, prefix netip.Prefix) (Ban, bool, error) {
	now := l.now().Unix()
	if prefix.IsValid() {
		if exact, err := l.queries.exactly(prefix, now); exact.banned || err != nil {
			return exact.ban, exact.banned, err
		}
	}
	covers, err := l.queries.covering(addr, now)
	if err != nil || covers.allowed {
		return Ban{}, false, err
	}
	return covers.ban, covers.banned, nil
}

// match tells whether addr may be banned, and by which prefix if the index knows. Only
// for an address that may be, allow entries are looked at.
func (l *List) match(addr netip.Addr) (prefix netip.Prefix, possible bool) {
	l.mu.RLock()
	defer l.mu.RUnlock()
	if l.index == nil {
		return netip.Prefix{}, addr.IsValid()
	}
	prefix, possible = l.index.match(addr)
	return prefix, possible && !l.index.allowed(addr, l.now().Unix())
}

// CheckToken gives the revocation that covers t: of its hash, its jti or its
// subject, in that order. A subject's revocation covers the tokens issued up to
// and including its moment, and those of which that is not known. An error tells
// that the state file could not be read; nothing is known of t then.
func (l *List) CheckToken(t Token) (Revocation, bool, error) {
	if !l.matchToken(t) {
		return Revocation{}, false, nil
	}
	revocation, found, err := l.queries.revocation(t, l.now().Unix())
	if err != nil {
		return Revocation{}, false, fmt.Errorf("look up revocation: %w", err)
	}
	return revocation, found, nil
}

// matchToken tells whether t may be revoked.
func (l *List) matchToken(t Token) bool {
	l.mu.RLock()
	defer l.mu.RUnlock()
	return l.index == nil ||
		l.index.hasToken(l.seed, KindHash, t.Hash) ||
		l.index.hasToken(l.seed, KindJTI, t.JTI) ||
		l.index.hasToken(l.seed, KindSubject, t.Subject)
}

// issuedBy tells whether a subject's revocation of the Unix second moment, 0 for
// every token, covers t.
func (t Token) issuedBy(moment int64) bool {
	return moment == 0 || t.IssuedAt == 0 || t.IssuedAt <= moment
}
