package token

import (
	"context"
	"crypto/elliptic"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
)

// issuer serves a JWKS over a real socket.
type issuer struct {
	*httptest.Server
	answer atomic.Pointer[http.HandlerFunc]
	hits   atomic.Int64
}

func newIssuer(t *testing.T) *issuer {
	t.Helper()
	i := new(issuer)
	i.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		i.hits.Add(1)
		(*i.answer.Load())(w, r)
	}))
	t.Cleanup(i.Close)
	i.serve(everyKey())
	return i
}

func (i *issuer) serve(text string) {
	i.do(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, text) })
}

func (i *issuer) do(answer http.HandlerFunc) { i.answer.Store(&answer) }

// run runs a Verifier with the issuer's URL until the test ends.
func (i *issuer) run(t *testing.T) *rig {
	t.Helper()
	r := newRig(t, func(c *Config) { c.JWKS = i.URL + "/jwks" })
	runVerifier(t, r.Verifier)
	return r
}

func runVerifier(t *testing.T, v *Verifier) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- v.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
}

// unknown is a good token but for its kid.
func unknown(kid string) string { return signer{"ES256", kid, es256().private}.sign(claimsOf()) }

func TestJWKSIsWaitedForAtTheStart(t *testing.T) {
	t.Parallel()
	i := newIssuer(t)
	entered, release := make(chan struct{}, 9), make(chan struct{})
	i.do(func(w http.ResponseWriter, _ *http.Request) {
		entered <- struct{}{}
		<-release
		_, _ = io.WriteString(w, everyKey())
	})
	r := i.run(t)
	<-entered
	if r.Ready() {
		t.Error("ready without keys")
	}
	got := make(chan Reason, 2)
	go func() { got <- r.Check(t.Context(), bearing(es256().sign(claimsOf()))).Reason }()
	go func() { got <- r.Check(t.Context(), bearing(rs256().signJWS(`{"alg":"RS256"}`, claimsOf()))).Reason }()
	close(release)
	for range 2 {
		if reason := <-got; reason != Passed {
			t.Errorf("reason is %s", reason)
		}
	}
	if hits := i.hits.Load(); hits != 1 || !r.Ready() {
		t.Errorf("%d fetches, ready %v", hits, r.Ready())
	}
}

func TestJWKSSlowOrDown(t *testing.T) {
	t.Parallel()
	t.Run("slow", func(t *testing.T) {
		t.Parallel()
		i := newIssuer(t)
		entered, release := make(chan struct{}, 9), make(chan struct{})
		i.do(func(http.ResponseWriter, *http.Request) { entered <- struct{}{}; <-release })
		r := i.run(t)
		t.Cleanup(func() { close(release) })
		<-entered
		ctx, cancel := context.WithCancel(t.Context())
		cancel() // the wait itself has a test in fake time
		verdict := r.Check(ctx, bearing(es256().sign(claimsOf())))
		if verdict.Reason != NoKeys || verdict.Failure() != KeysUnavailable {
			t.Errorf("verdict is %+v", verdict)
		}
		if expired := r.ask(t, es256().sign(claimsOf(`"exp":5`))); expired.Reason != UnknownKey {
			t.Errorf("a token that fails anyway: %+v", expired)
		}
	})
	t.Run("down", func(t *testing.T) {
		t.Parallel()
		i := newIssuer(t)
		i.Close()
		i.run(t).want(t, es256().sign(claimsOf()), NoKeys)
	})
}

// TestJWKSBad has answers that change nothing: the last good keys stay in force.
func TestJWKSBad(t *testing.T) {
	t.Parallel()
	elsewhere := newIssuer(t)
	next := `{"keys":[` + strings.Replace(es256().jwk(), `"es256"`, `"next"`, 1) + `]}`
	for name, answer := range map[string]http.HandlerFunc{
		"junk":    func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "<html>maintenance</html>") },
		"empty":   func(http.ResponseWriter, *http.Request) {},
		"no keys": func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, `{"keys":[]}`) },
		"weak":    func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, jwks(rsaJWK(1024, "AQAB"))) },
		"huge": func(w http.ResponseWriter, _ *http.Request) {
			_, _ = io.WriteString(w, next+strings.Repeat(" ", maxKeyData))
		},
		"endless": func(w http.ResponseWriter, r *http.Request) {
			for r.Context().Err() == nil {
				if _, err := io.WriteString(w, strings.Repeat(" ", 4096)); err != nil {
					return
				}
			}
		},
		"500": func(w http.ResponseWriter, _ *http.Request) { http.Error(w, next, http.StatusInternalServerError) },
		"204": func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNoContent) },
		"cut": func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", fmt.Sprint(len(next)+1))
			_, _ = io.WriteString(w, next)
		},
		"aborted": func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) },
		"redirect to another scheme": func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, strings.Replace(elsewhere.URL, "http:", "https:", 1), http.StatusFound)
		},
		"redirect to a file": func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Location", "file:///etc/passwd")
			w.WriteHeader(http.StatusFound)
		},
		"redirect for ever": func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/again", http.StatusFound) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			i := newIssuer(t)
			r := i.run(t)
			r.want(t, es256().sign(claimsOf()), Passed)
			i.do(answer)
			r.want(t, unknown("next"), NoKeys)
			r.want(t, es256().sign(claimsOf()), Passed)
			if s := r.Stats(); s.KeysFailed != 1 || s.KeysChanged != 1 || s.Keys != 5 {
				t.Errorf("stats %+v", s)
			}
		})
	}
}

func TestJWKSRedirect(t *testing.T) {
	t.Parallel()
	i := newIssuer(t)
	i.do(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/jwks" {
			http.Redirect(w, r, "/there", http.StatusMovedPermanently)
			return
		}
		_, _ = io.WriteString(w, everyKey())
	})
	i.run(t).want(t, es256().sign(claimsOf()), Passed)
}

// TestJWKSRotates has a new key found by its kid, and an old one gone with the next
// set, for remembered tokens too.
func TestJWKSRotates(t *testing.T) {
	t.Parallel()
	i := newIssuer(t)
	old := signer{"ES256", "old", es256().private}
	next := signer{"ES256", "next", newEC(elliptic.P256())}
	i.serve(jwks(old.jwk()))
	r := i.run(t)
	busy := old.sign(claimsOf())
	r.want(t, busy, Passed)
	r.want(t, busy, Passed)
	if s := r.Stats(); s.Remembered != 1 {
		t.Fatalf("stats %+v", s)
	}
	i.serve(jwks(next.jwk(), old.jwk()))
	r.want(t, next.sign(claimsOf()), Passed)
	r.want(t, busy, Passed)
	i.serve(jwks(next.jwk()))
	r.want(t, unknown("third"), UnknownKey)
	r.want(t, busy, UnknownKey)
	r.want(t, next.sign(claimsOf()), Passed)
	if hits := i.hits.Load(); hits > 1+askBurst {
		t.Errorf("%d fetches", hits)
	}
}

// TestUnknownKeyStorm has many tokens with made up keys at once.
func TestUnknownKeyStorm(t *testing.T) {
	t.Parallel()
	i := newIssuer(t)
	r := i.run(t)
	good := es256().sign(claimsOf())
	r.want(t, good, Passed)
	var all sync.WaitGroup
	for worker := range 16 {
		all.Go(func() {
			for n := range 50 {
				if reason := r.ask(t, unknown(fmt.Sprint(worker, n))).Reason; reason != UnknownKey {
					t.Errorf("reason is %s", reason)
				}
				r.want(t, good, Passed)
			}
		})
	}
	all.Wait()
	if hits := i.hits.Load(); hits > 1+askBurst {
		t.Errorf("%d fetches", hits)
	}
	if waiting := r.waiting.Load(); waiting != 0 {
		t.Errorf("%d still wait", waiting)
	}
}
