package token

import (
	"crypto/ecdsa"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"math/big"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestRememberedIsTheSame(t *testing.T) {
	t.Parallel()
	r := newRig(t, nil)
	for _, s := range []signer{es256(), es512(), rs256(), eddsa()} {
		raw := s.sign(claimsOf())
		first, second := r.ask(t, raw), r.ask(t, raw)
		if diff := cmp.Diff(first, second); diff != "" {
			t.Errorf("%s: %s", s.alg, diff)
		}
		want := Claims{JTI: "t1", Subject: "u1", IssuedAt: start - 60, Hash: hash(raw)}
		if first.Claims[0] != want || first.Subject != "u1" || first.Mode != Required {
			t.Errorf("%s: %+v", s.alg, first)
		}
	}
	if s := r.Stats(); s.Verified != 4 || s.Remembered != 4 || s.Memory != 4 {
		t.Errorf("stats %+v", s)
	}
}

func TestRememberedAllocatesNothing(t *testing.T) { // counts for the whole process
	r := newRig(t, func(c *Config) { c.Paths, c.Cookie = []string{"/x=off"}, "id" })
	request := bearing(es256().sign(claimsOf()))
	request.Header["Cookie"] = []string{"a=b; c=d"}
	r.Check(t.Context(), request)
	if allocs := testing.AllocsPerRun(1000, func() { r.Check(t.Context(), request) }); allocs > 0.5 {
		t.Errorf("%v allocations", allocs)
	}
}

// TestClockJumps has the clock go forth and back over the life of a remembered token.
func TestClockJumps(t *testing.T) {
	t.Parallel()
	r := newRig(t, nil)
	raw := es256().sign(claimsOf(fmt.Sprintf(`"nbf":%d`, start-10)))
	for _, step := range []struct {
		at   int64
		want Reason
	}{
		{0, Passed}, {629, Passed}, {630, ExpiredToken}, {1e9, ExpiredToken}, {0, Passed}, {-40, Passed}, {-41, NotYetValid},
		{-1e9, NotYetValid}, {0, Passed}, {629, Passed}, {631, ExpiredToken},
	} {
		r.clock.seconds.Store(start + step.at)
		if got := r.ask(t, raw).Reason; got != step.want {
			t.Errorf("at %d: %s, want %s", step.at, got, step.want)
		}
	}
	if s := r.Stats(); s.Memory != 0 || s.Remembered != 3 {
		t.Errorf("stats %+v", s)
	}
}

// TestRefusedIsNotRemembered has a token that becomes good with time and with keys.
func TestRefusedIsNotRemembered(t *testing.T) {
	t.Parallel()
	r := newRig(t, nil)
	raw := es256().sign(claimsOf(fmt.Sprintf(`"nbf":%d`, start+100)))
	r.want(t, raw, NotYetValid)
	if s := r.Stats(); s.Memory != 0 {
		t.Errorf("stats %+v", s)
	}
	r.clock.seconds.Store(start + 100)
	r.ring.replacePublic(nil)
	r.want(t, raw, UnknownKey)
	r.ring.replacePublic([]key{{id: "es256", material: publicKey(&es256().private.(*ecdsa.PrivateKey).PublicKey)}})
	r.want(t, raw, Passed)
}

func TestMemoryIsBounded(t *testing.T) {
	t.Parallel()
	var m memory
	token := &remembered{verdict: Verdict{Claims: []Claims{{JTI: "a"}}}}
	busy := digest{1, 2, 3}
	var sum digest
	for n := range uint64(4 * maxRemembered) {
		if n%1000 == 0 {
			if m.get(&busy, 0) == nil {
				m.add(&busy, token)
			}
		}
		binary.BigEndian.PutUint64(sum[8:], n)
		sum[0] = byte(n)
		m.add(&sum, token)
	}
	if got := m.len(); got > maxRemembered || got < maxRemembered/2 {
		t.Errorf("%d tokens are remembered", got)
	}
	if m.get(&busy, 0) == nil || m.get(&sum, 0) == nil {
		t.Error("what is in use was forgotten")
	}
	if m.get(&busy, 1) != nil {
		t.Error("remembered for other keys")
	}
}

func TestLongClaimsAreNotRemembered(t *testing.T) {
	t.Parallel()
	r := newRig(t, nil)
	r.want(t, es256().sign(claimsOf(`"sub":"`+strings.Repeat("a", maxRememberedClaims)+`"`)), Passed)
	if s := r.Stats(); s.Memory != 0 {
		t.Errorf("stats %+v", s)
	}
}

// TestTwin has the other spelling of an ECDSA signature, which is as good: each of the
// two has to name both hashes.
func TestTwin(t *testing.T) {
	t.Parallel()
	r := newRig(t, nil)
	for _, s := range []signer{es256(), es384(), es512()} {
		raw := s.sign(claimsOf())
		cut := strings.LastIndexByte(raw, '.') + 1
		signature, err := base64.RawURLEncoding.DecodeString(raw[cut:])
		if err != nil {
			t.Fatal(err)
		}
		half := len(signature) / 2
		n := s.private.(*ecdsa.PrivateKey).Params().N
		new(big.Int).Sub(n, new(big.Int).SetBytes(signature[half:])).FillBytes(signature[half:])
		twin := raw[:cut] + base64.RawURLEncoding.EncodeToString(signature)
		for _, pair := range [][2]string{{raw, twin}, {twin, raw}} {
			verdict := r.ask(t, pair[0])
			if verdict.Reason != Passed || len(verdict.Claims) != 2 {
				t.Fatalf("%s: %+v", s.alg, verdict)
			}
			if verdict.Claims[0].Hash != hash(pair[0]) || verdict.Claims[1] != (Claims{Hash: hash(pair[1])}) {
				t.Errorf("%s: %+v", s.alg, verdict)
			}
		}
	}
}

// TestConcurrent has keys change under traffic. A token whose key is gone does not
// pass once the change is made.
func TestConcurrent(t *testing.T) {
	t.Parallel()
	r := newRig(t, nil)
	all := r.ring.current.Load().public.keys
	raw := es256().sign(claimsOf())
	var workers sync.WaitGroup
	stop := make(chan struct{})
	for range 4 {
		workers.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
				}
				if reason := r.ask(t, raw).Reason; reason != Passed && reason != UnknownKey {
					t.Errorf("reason is %s", reason)
				}
				r.Stats()
			}
		})
	}
	for range 30 {
		r.ring.replacePublic(nil)
		for range 20 {
			r.want(t, raw, UnknownKey)
		}
		r.ring.replacePublic(all)
		r.want(t, raw, Passed)
	}
	close(stop)
	workers.Wait()
}

// FuzzVerify signs whatever it is given, so that the parser behind the signature is
// reached too.
func FuzzVerify(f *testing.F) {
	f.Add(es256().header(), claimsOf(), []byte(nil))
	f.Add(es256().header(), claimsOf(), []byte("x"))
	f.Add(`{"alg":"none"}`, claimsOf(), []byte{})
	f.Add(`{"alg":"HS256","kid":"rsa","crit":[]}`, claimsOf(`"aud":["a",["b"]]`, `"exp":1e999`), []byte(strings.Repeat("\x00", 64)))
	f.Add(`{"alg":"ES256","\u006bid":"es256"}`, claimsOf(`"sub":"\ud800"`, `"iat":-0`), []byte(nil))
	r := newRig(f, func(c *Config) { c.SecretFile = write(f, "secret", sharedSecret) })
	f.Fuzz(func(t *testing.T, header, payload string, signature []byte) {
		raw := part(header) + "." + part(payload) + "." + base64.RawURLEncoding.EncodeToString(signature)
		if signature == nil || len(signature) == 1 {
			raw = es256().signJWS(header, payload)
		} else if r.ask(t, raw).Reason == Passed {
			t.Fatalf("%q passed without its key", raw)
		}
		verdict := r.ask(t, raw)
		if verdict.Reason != Passed {
			if verdict.Claims != nil || verdict.Subject != "" {
				t.Fatalf("refused with %+v", verdict)
			}
			return
		}
		// What a lenient reader makes of it must be the same.
		lenient, _ := Read("Bearer " + raw)
		if lenient != verdict.Claims[0] || lenient.Subject != verdict.Subject {
			t.Fatalf("%+v is not %+v", verdict, lenient)
		}
	})
}
