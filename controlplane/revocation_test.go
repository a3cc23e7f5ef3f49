package controlplane_test

import (
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/ringcast/ringcast/controlplane"
	"github.com/ringcast/ringcast/internal/wire"
)

var (
	jti     = wire.TokenRef{JTI: "j1"}
	subject = wire.TokenRef{Subject: "alice"}
	hash    = wire.TokenRef{TokenHash: controlplane.TokenHash("secret")}
)

func TestTokenHash(t *testing.T) {
	t.Parallel()
	// FIPS 180-2, appendix B.1.
	const want = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
	if got := controlplane.TokenHash("abc"); got != want {
		t.Errorf("%s, want %s", got, want)
	}
}

// TestTokenEntity wants no two tokens to share an entity, whatever they are called.
func TestTokenEntity(t *testing.T) {
	t.Parallel()
	for want, ref := range map[string]wire.TokenRef{
		"token/jti/j1": jti, "token/subject/alice": subject, "token/hash/" + hash.TokenHash: hash,
		"token/jti/subject/alice": {JTI: "subject/alice"}, "token/subject/jti/j1": {Subject: "jti/j1"}, "token/jti/a#auto": {JTI: "a#auto"},
	} {
		if got := controlplane.TokenEntity(ref); got != want {
			t.Errorf("%+v: %q, want %q", ref, got, want)
		}
	}
}

func TestRevocation(t *testing.T) {
	t.Parallel()
	for want, r := range map[string]controlplane.Revocation{
		`{"jti":"j1","reason":"leaked","expires_at":1800000060,"timestamp":1800000000}`:     {Token: jti, Reason: "leaked", TTL: time.Minute},
		`{"subject":"alice","reason":"","issued_before":1800000000,"timestamp":1800000000}`: {Token: subject},
		`{"token_hash":"` + hash.TokenHash + `","reason":"","timestamp":1800000000}`:        {Token: hash},
	} {
		e := newState().apply(t, r.Decide)
		expectData(t, e, want)
		if diff := cmp.Diff([]string{controlplane.TokenEntity(r.Token)}, e.Entities); diff != "" || e.Tombstone || e.Type != wire.TypeTokenRevoked {
			t.Errorf("%+v, entities (-want +got):\n%s", e, diff)
		}
		if (r.TTL == 0) != e.ExpiresAt.IsZero() {
			t.Errorf("%+v ends at %v", r, e.ExpiresAt)
		}
	}
}

func TestRestoration(t *testing.T) {
	t.Parallel()
	s := newState()
	s.apply(t, controlplane.Revocation{Token: subject}.Decide)
	e := s.apply(t, controlplane.Restoration{Token: subject}.Decide)
	if diff := cmp.Diff([]string{"token/subject/alice"}, e.Entities); diff != "" || !e.Tombstone || e.Type != wire.TypeTokenRestored {
		t.Errorf("%+v, entities (-want +got):\n%s", e, diff)
	}
	expectData(t, e, `{"subject":"alice","timestamp":1800000000}`)
}

// protection is what a revocation is worth, as a model has it.
type protection struct {
	expires int64 // 0: never
	issued  int64
}

func (p protection) live(now int64) bool { return p.expires == 0 || p.expires > now }

// TestProtectionNeverShrinks revokes and restores one token, or a subject's,
// again and again by a clock that also goes back.
func TestProtectionNeverShrinks(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		ref := rapid.SampledFrom([]wire.TokenRef{jti, subject, hash}).Draw(t, "token")
		s := newState()
		var before *protection
		for range rapid.IntRange(1, 12).Draw(t, "steps") {
			s.now = s.now.Add(time.Duration(rapid.IntRange(-5, 20).Draw(t, "pass")) * time.Second)
			if rapid.IntRange(0, 5).Draw(t, "restore") == 0 {
				s.apply(t, controlplane.Restoration{Token: ref}.Decide)
				before = nil
				continue
			}
			ttl := time.Duration(rapid.IntRange(0, 30).Draw(t, "ttl")) * time.Second
			e := s.apply(t, controlplane.Revocation{Token: ref, TTL: ttl}.Decide)
			before = checkRevoked(t, e, before, s.now.Unix(), int64(ttl/time.Second), ref == subject)
		}
	})
}

// checkRevoked compares a revocation with what it and the one before it ask for.
func checkRevoked(t *rapid.T, e controlplane.Event, before *protection, now, ttl int64, isSubject bool) *protection {
	t.Helper()
	want := protection{}
	if ttl > 0 {
		want.expires = now + ttl
	}
	if isSubject {
		want.issued = now
	}
	if before != nil && before.live(now) {
		want.issued = max(want.issued, before.issued)
		want.expires = max(want.expires, before.expires)
		if ttl == 0 || before.expires == 0 {
			want.expires = 0
		}
	}
	revoked := decode[wire.TokenRevoked](t, e)
	got := protection{expires: revoked.ExpiresAt, issued: revoked.IssuedBefore}
	if got != want {
		t.Errorf("revoked at %d for %d s after %+v: %+v, want %+v", now, ttl, before, got, want)
	}
	if (got.expires == 0) != e.ExpiresAt.IsZero() || (got.expires != 0 && got.expires != e.ExpiresAt.Unix()) {
		t.Errorf("ends at %v, in the data at %d", e.ExpiresAt, got.expires)
	}
	return &got
}

// TestRevocationCannotReadTheEarlier wants no guess where the earlier one is not
// to be had: the new one could take protection away.
func TestRevocationCannotReadTheEarlier(t *testing.T) {
	t.Parallel()
	s := newState()
	s.err = errors.New("disk on fire")
	if events, err := (controlplane.Revocation{Token: jti}).Decide(s); !errors.Is(err, s.err) || events != nil {
		t.Errorf("%v, %v", events, err)
	}
	s = newState()
	entity := controlplane.TokenEntity(jti)
	s.latest[entity] = controlplane.Event{Type: wire.TypeTokenRevoked, Data: []byte("{"), Entities: []string{entity}}
	if events, err := (controlplane.Revocation{Token: jti}).Decide(s); err == nil || events != nil {
		t.Errorf("%v, %v", events, err)
	}
}

// TestRevocationForALife wants one without a ttl to last until the last token that
// it names has ended, and one with a ttl to last as long as was asked.
func TestRevocationForALife(t *testing.T) {
	t.Parallel()
	const life = time.Hour
	for name, row := range map[string]struct {
		revocation controlplane.Revocation
		want       time.Duration
	}{
		"without a ttl":  {controlplane.Revocation{Token: jti, Life: life}, life},
		"of a hash":      {controlplane.Revocation{Token: hash, Life: life}, life},
		"of a subject":   {controlplane.Revocation{Token: subject, Life: life}, life},
		"a part":         {controlplane.Revocation{Token: jti, Life: life + 1}, life + time.Second},
		"shorter":        {controlplane.Revocation{Token: jti, TTL: time.Minute, Life: life}, time.Minute},
		"longer":         {controlplane.Revocation{Token: subject, TTL: 2 * life, Life: life}, 2 * life},
		"nobody's token": {controlplane.Revocation{Token: jti, TTL: time.Minute}, time.Minute},
	} {
		if e := newState().apply(t, row.revocation.Decide); e.ExpiresAt.Sub(noon) != row.want {
			t.Errorf("%s: ends after %v, want %v", name, e.ExpiresAt.Sub(noon), row.want)
		}
	}
}

// TestRevocationForALifeNeverShrinks has earlier ones that last longer, and a clock
// that has gone back.
func TestRevocationForALifeNeverShrinks(t *testing.T) {
	t.Parallel()
	const life = time.Hour
	again := controlplane.Revocation{Token: subject, Life: life}
	for name, row := range map[string]struct {
		earlier controlplane.Revocation
		later   time.Duration
		want    time.Time
	}{
		"for ever":          {controlplane.Revocation{Token: subject}, time.Minute, time.Time{}},
		"longer":            {controlplane.Revocation{Token: subject, TTL: 3 * life}, time.Minute, noon.Add(3 * life)},
		"the same":          {again, time.Minute, noon.Add(time.Minute + life)},
		"shorter":           {controlplane.Revocation{Token: subject, TTL: time.Minute}, time.Second, noon.Add(time.Second + life)},
		"the clock is back": {controlplane.Revocation{Token: subject, TTL: time.Minute}, -time.Hour, noon.Add(life)},
	} {
		s := newState()
		s.apply(t, row.earlier.Decide)
		s.now = noon.Add(row.later)
		if e := s.apply(t, again.Decide); !e.ExpiresAt.Equal(row.want) {
			t.Errorf("%s: ends at %v, want %v", name, e.ExpiresAt, row.want)
		}
	}
}
