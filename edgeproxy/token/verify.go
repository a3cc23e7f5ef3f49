package token

import (
	"context"
	"crypto/ecdsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"time"
)

func digestOf(raw string) digest { return sha256.Sum256([]byte(raw)) }

// digestOf is the same in a buffer that is used again: this is what each request
// with a remembered token does.
func (v *Verifier) digestOf(raw string) digest {
	buffer, ok := v.buffers.Get().(*[]byte)
	if !ok {
		buffer = new([]byte)
	}
	defer v.buffers.Put(buffer)
	*buffer = append((*buffer)[:0], raw...)
	return sha256.Sum256(*buffer)
}

// verify decodes a token, checks its signature and then its claims, and remembers it
// if it is good.
func (v *Verifier) verify(ctx context.Context, raw string, sum *digest) Verdict {
	c, reason := parseCompact(raw)
	if reason != Passed {
		return Verdict{Reason: reason}
	}
	a, allowed := v.rules.algorithms[c.algorithm]
	if !allowed {
		return Verdict{Reason: BadAlgorithm}
	}
	judged := v.rules.judge(&c.claims, v.now().Unix())
	set := v.ring.current.Load()
	keys := set.source(a).find(a, &c)
	if len(keys) == 0 && judged == Passed { // nothing is fetched for a token that fails anyway
		set, reason = v.await(ctx, a, &c)
		keys = set.source(a).find(a, &c)
	}
	signer, found := signerOf(a, &c, keys)
	switch {
	case len(keys) == 0 && reason != Passed:
		return Verdict{Reason: reason}
	case len(keys) == 0:
		return Verdict{Reason: UnknownKey}
	case !found:
		return Verdict{Reason: BadSignature}
	case judged != Passed:
		return Verdict{Reason: judged}
	}
	verdict := Verdict{Claims: revocable(&c, sum, signer), Subject: c.claims.subject}
	v.memory.add(sum, &remembered{generation: set.generation, window: c.claims.window, verdict: verdict})
	return verdict
}

func signerOf(a algorithm, c *compact, keys []key) (key, bool) {
	for _, k := range keys {
		if a.verify(k, c.signed, c.signature) {
			return k, true
		}
	}
	return key{}, false
}

// await has a key fetched that is not there, and gives the keys in force afterwards.
// NoKeys says that nobody knows whether the key exists: the keys were never had, could
// not be had now, or were not asked for now and were had too long ago to tell.
func (v *Verifier) await(ctx context.Context, a algorithm, c *compact) (*keySet, Reason) {
	settled := true
	if !a.hmac && v.jwks != nil && (c.hasKeyID || !v.ring.current.Load().public.loaded) {
		settled = v.wait(ctx, v.jwks.ask()) && v.jwks.current()
	}
	set := v.ring.current.Load()
	if !settled || !set.source(a).loaded {
		return set, NoKeys
	}
	return set, Passed
}

// wait waits for done, if there is anything to wait for, but not long, and not among
// too many. It tells whether nothing is left to wait for.
func (v *Verifier) wait(ctx context.Context, done <-chan struct{}) bool {
	if done == nil {
		return true
	}
	defer v.waiting.Add(-1)
	if v.waiting.Add(1) > maxWaiting {
		return false
	}
	timer := time.NewTimer(keyWait)
	defer timer.Stop()
	select {
	case <-done:
		return true
	case <-timer.C:
	case <-ctx.Done():
	}
	return false
}

// revocable gives the names by which a token can be revoked. An ECDSA signature (r, s)
// has a twin (r, n-s), which is as good, and which whoever has the token can make: the
// hash of that spelling is a name too, or a token revoked by its hash would live on.
func revocable(c *compact, sum *digest, signer key) []Claims {
	all := []Claims{{
		JTI: c.claims.jti, Subject: c.claims.subject, IssuedAt: c.claims.window.issued, Hash: hex.EncodeToString(sum[:]),
	}}
	if public, ok := signer.material.(*ecdsa.PublicKey); ok {
		twin := twinHash(c, public)
		all = append(all, Claims{Hash: hex.EncodeToString(twin[:])})
	}
	return all
}

func twinHash(c *compact, public *ecdsa.PublicKey) digest {
	twin := twinOf(c.signature, public.Curve.Params().N)
	return digestOf(string(c.signed) + "." + base64.RawURLEncoding.EncodeToString(twin))
}
