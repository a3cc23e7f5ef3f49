package token

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"sync/atomic"
	"time"
)

const (
	// keyWait is how long a request waits for keys that are being fetched.
	keyWait = 2 * time.Second
	// maxWaiting bounds the requests that wait for keys at once. Forged tokens must
	// not pile up requests while the server of the keys is slow.
	maxWaiting = 256
)

// Verifier decides on the tokens of requests. Its methods may be called
// concurrently.
type Verifier struct {
	policy  policy
	rules   rules
	now     func() time.Time
	cookie  string
	ring    *keyring
	files   []*file
	jwks    *refresher // nil: the keys are not from a URL
	memory  memory
	waiting atomic.Int64
	counts  counts
	buffers sync.Pool // of *[]byte
}

// New makes a Verifier of what a Config says, and an error of every flag that is
// wrong. No file is read and nothing is fetched before Run.
func New(config Config, deps Deps) (*Verifier, error) {
	policy, errPolicy := newPolicy(config.Mode, config.Paths)
	rules, errRules := config.rules()
	from, isURL, errJWKS := parseJWKSURL(config.JWKS)
	if err := errors.Join(errPolicy, errRules, errJWKS); err != nil {
		return nil, err
	}
	if policy.strictest > Off && len(rules.algorithms) == 0 {
		return nil, fmt.Errorf("--jwt %s needs keys: give --jwt-jwks or --jwt-secret-file", policy.strictest)
	}
	v := &Verifier{policy: policy, rules: rules, cookie: config.Cookie, now: deps.Now}
	if v.now == nil {
		v.now = time.Now
	}
	v.ring = newKeyring(config.SecretFile != "", config.JWKS != "")
	if config.SecretFile != "" {
		v.files = append(v.files, &file{
			flag: "--jwt-secret-file", path: config.SecretFile,
			parse: v.rules.parseSecret, use: v.ring.replaceSecret, log: deps.Logger,
		})
	}
	switch {
	case isURL:
		v.jwks = newRefresher(from, v.ring.replacePublic, deps.Logger)
	case config.JWKS != "":
		v.files = append(v.files, &file{
			flag: "--jwt-jwks", path: config.JWKS, parse: parseJWKS, use: v.ring.replacePublic, log: deps.Logger,
		})
	}
	return v, nil
}

// Load reads the files of keys, as Run does first: whoever calls it before hears of a
// bad one while nothing is served yet.
func (v *Verifier) Load() error {
	if v.policy.strictest == Off {
		return nil
	}
	for _, f := range v.files {
		if err := f.load(); err != nil {
			return err
		}
	}
	return nil
}

// Run reads the keys and keeps them current until ctx ends. It returns an error where
// a file of keys is no good at the start; a URL may be down.
func (v *Verifier) Run(ctx context.Context) error {
	if v.policy.strictest == Off {
		<-ctx.Done()
		return nil
	}
	if err := v.Load(); err != nil {
		return err
	}
	var sources sync.WaitGroup
	for _, f := range v.files {
		sources.Go(func() { f.watch(ctx) })
	}
	if v.jwks != nil {
		sources.Go(func() { v.jwks.run(ctx) })
	}
	<-ctx.Done()
	sources.Wait()
	return nil
}

// Ready tells whether the keys that the flags name were had once.
func (v *Verifier) Ready() bool { return v.policy.strictest == Off || v.ring.current.Load().ready() }

// Request is what a Verifier looks at.
type Request struct {
	// Path is the path as it goes to the origin, escaped, without the query.
	Path   string
	Header http.Header
}

// Verdict is what becomes of a request.
type Verdict struct {
	// Mode is that of the path.
	Mode Mode
	// Reason is why the request is refused, or Passed.
	Reason Reason
	// Claims are what to look for among the revocations, each of them, if the request
	// passed. There are several where one token has several spellings, or where
	// nothing is verified and the request has several tokens. They are shared: do not
	// change them.
	Claims []Claims
	// Subject is who the token is from, verified; empty: not known.
	Subject string
}

// Failure gives what the client is told.
func (d Verdict) Failure() Failure { return d.Reason.Failure() }

// Check decides on the token of a request. It may wait for keys, at most two seconds,
// where the token names one that is not there yet. Revocations are the caller's to
// ask for.
func (v *Verifier) Check(ctx context.Context, r Request) Verdict {
	mode := v.policy.mode(r.Path)
	var verdict Verdict
	var how manner
	if mode == Off {
		verdict, how = v.collect(r.Header), unchecked
	} else {
		verdict, how = v.check(ctx, r.Header)
	}
	if mode == Optional && verdict.Reason == NoToken {
		verdict.Reason = Passed
	}
	verdict.Mode = mode
	v.counts.add(verdict.Reason, how)
	return verdict
}

// collect gives the unverified claims of every token.
func (v *Verifier) collect(header http.Header) Verdict {
	var all []Claims
	for raw := range presented(header, v.cookie) {
		if len(all) >= maxPresented {
			return Verdict{Reason: Ambiguous}
		}
		all = append(all, unverified(raw)...)
	}
	return Verdict{Claims: all}
}

// check verifies the token, unless it is remembered.
func (v *Verifier) check(ctx context.Context, header http.Header) (Verdict, manner) {
	raw, ok := credential(header, v.cookie)
	switch {
	case !ok:
		return Verdict{Reason: Ambiguous}, looked
	case raw == "":
		return Verdict{Reason: NoToken}, looked
	case len(raw) > maxToken:
		return Verdict{Reason: Oversized}, looked
	}
	sum := v.digestOf(raw)
	known := v.memory.get(&sum, v.ring.current.Load().generation)
	if known == nil {
		return v.verify(ctx, raw, &sum), verified
	}
	if reason := v.rules.judgeTime(&known.window, v.now().Unix()); reason != Passed {
		v.memory.forget(&sum)
		return Verdict{Reason: reason}, recalled
	}
	return known.verdict, recalled
}
