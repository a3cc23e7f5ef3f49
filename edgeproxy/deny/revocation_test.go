package deny

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/ringcast/ringcast/internal/wire"
)

// repeat runs check in the background, two at a time, until stop, which waits, or
// until it gives false.
func repeat(t *testing.T, check func() bool) (stop func()) {
	ctx, cancel := context.WithCancel(t.Context())
	var all sync.WaitGroup
	for range 2 {
		all.Go(func() {
			for ctx.Err() == nil && check() {
			}
		})
	}
	return func() {
		cancel()
		all.Wait()
	}
}

// TestRevokedFromTheNextRequestOn revokes one token after the other, in each way that
// there is, while others are asked for: no check that starts after the state says that
// the unit is in force may pass the token.
func TestRevokedFromTheNextRequestOn(t *testing.T) {
	t.Parallel()
	for name, indexed := range map[string]bool{"index": true, "SQLite alone": false} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := synced(t)
			f.must(f.list.tidy(t.Context(), f.state))
			if !indexed {
				f.reopen()
			}
			const tokens = 300
			var passed [tokens]atomic.Int64
			stop := repeat(t, func() bool {
				cursor, _ := f.state.InForce()
				revoked := int(cursor.Position) - 1 // a token a position, from 2 on
				for i := max(0, revoked-3); i < min(tokens, revoked+3); i++ {
					_, refused, err := f.list.CheckToken(numberedToken(i))
					if err != nil || i < revoked && !refused {
						t.Errorf("token %d at position %d: refused %v, error %v", i, cursor.Position, refused, err)
						return false
					}
					if !refused {
						passed[i].Add(1)
					}
				}
				return true
			})
			for i := range tokens {
				f.apply(&wire.TokenRevoked{TokenRef: numberedRef(i), IssuedBefore: 1000})
				if _, refused, err := f.list.CheckToken(numberedToken(i)); !refused || err != nil {
					t.Errorf("token %d right after: refused %v, error %v", i, refused, err)
				}
			}
			stop()
			var sum int64
			for i := range passed {
				sum += passed[i].Load()
			}
			if sum == 0 {
				t.Error("no token was ever seen before it was revoked: the test shows nothing")
			}
		})
	}
}

func numberedToken(i int) Token {
	return Token{JTI: fmt.Sprint("jti", i), Subject: fmt.Sprint("subject", i), Hash: numberedHash(i), IssuedAt: 1000}
}

func numberedRef(i int) wire.TokenRef {
	token := numberedToken(i)
	return []wire.TokenRef{{JTI: token.JTI}, {Subject: token.Subject}, {TokenHash: token.Hash}}[i%3]
}

func numberedHash(i int) string { return strings.Repeat(fmt.Sprintf("%016x", i), hashHexLen/16) }

// TestSubjectRevocation is inclusive to the second, and takes a token whose moment of
// issue is not known for revoked.
func TestSubjectRevocation(t *testing.T) {
	t.Parallel()
	f := synced(t)
	f.apply(
		&wire.TokenRevoked{TokenRef: wire.TokenRef{Subject: "u"}, Reason: "left", IssuedBefore: 500, ExpiresAt: 1010},
		&wire.TokenRevoked{TokenRef: wire.TokenRef{Subject: "always"}},
	)
	for _, tt := range []struct {
		token Token
		want  bool
	}{
		{Token{Subject: "u", IssuedAt: 499}, true}, {Token{Subject: "u", IssuedAt: 500}, true}, {Token{Subject: "u", IssuedAt: 501}, false},
		{Token{Subject: "u"}, true}, {Token{Subject: "u", IssuedAt: -5}, true}, {Token{Subject: "U", IssuedAt: 499}, false}, {Token{Subject: "u "}, false},
		{Token{JTI: "u"}, false}, {Token{Hash: "u"}, false}, {Token{}, false}, {Token{Subject: "always", IssuedAt: 1 << 40}, true},
	} {
		if _, revoked, err := f.list.CheckToken(tt.token); revoked != tt.want || err != nil {
			t.Errorf("%+v: revoked %v, error %v", tt.token, revoked, err)
		}
	}
	f.clock.seconds.Store(1010)
	if _, revoked, err := f.list.CheckToken(Token{Subject: "u", IssuedAt: 499}); revoked || err != nil {
		t.Errorf("after its end: revoked %v, error %v", revoked, err)
	}
}
