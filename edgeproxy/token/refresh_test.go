package token

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// transport answers in fake time.
type transport func(*http.Request) (*http.Response, error)

func (f transport) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

func answer(text, control string) *http.Response {
	return &http.Response{
		StatusCode: http.StatusOK, Header: http.Header{"Cache-Control": {control}}, Body: io.NopCloser(strings.NewReader(text)),
	}
}

// runFake runs a Verifier in a bubble, whose JWKS is what the transport answers.
func runFake(t *testing.T, f transport) *rig {
	t.Helper()
	r := newRig(t, func(c *Config) { c.JWKS = "http://id.example/jwks" })
	r.jwks.client.Transport = f
	runVerifier(t, r.Verifier)
	return r
}

func TestJWKSSchedule(t *testing.T) {
	t.Parallel()
	for control, want := range map[string]time.Duration{
		"":                          someFresh,
		"public":                    someFresh,
		"max-age=120":               2 * time.Minute,
		`public, MAX-AGE="120"`:     2 * time.Minute,
		"max-age=0":                 minFresh,
		"max-age=-1":                minFresh,
		"max-age=99999999999999999": minFresh,
		"max-age=31536000":          maxFresh,
		"no-store":                  minFresh,
		"no-cache, max-age=3600":    minFresh,
	} {
		t.Run(control, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				fetched := make(chan time.Time, 9)
				runFake(t, func(*http.Request) (*http.Response, error) {
					fetched <- time.Now()
					return answer(everyKey(), control), nil
				})
				if got := -(<-fetched).Sub(<-fetched); got > want || got < want-want/5-1 {
					t.Errorf("fetched again after %s, want %s", got, want)
				}
			})
		})
	}
}

func TestJWKSBacksOff(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var tries []time.Time
		tried := make(chan time.Time, 99)
		n := 0
		r := runFake(t, func(*http.Request) (*http.Response, error) {
			tried <- time.Now()
			if n++; n == 10 {
				return answer(everyKey(), "max-age=60"), nil
			}
			return nil, io.ErrUnexpectedEOF
		})
		for range 12 {
			tries = append(tries, <-tried)
		}
		synctest.Wait()
		if got := tries[11].Sub(tries[10]); got > minRetry {
			t.Errorf("the first try after a success came after %s", got)
		}
		for n, want := 1, minRetry; n < 10; n, want = n+1, min(2*want, maxRetry) {
			if got := tries[n].Sub(tries[n-1]); got > want || got < want-want/5-1 {
				t.Errorf("try %d after %s, want %s", n, got, want)
			}
		}
		if s := r.Stats(); s.KeysFailed != 11 || s.KeysChanged != 1 {
			t.Errorf("stats %+v", s)
		}
	})
}

func TestJWKSTimesOut(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := runFake(t, func(req *http.Request) (*http.Response, error) {
			<-req.Context().Done()
			return nil, req.Context().Err()
		})
		began := time.Now()
		r.want(t, es256().sign(claimsOf()), NoKeys)
		if waited := time.Since(began); waited != keyWait {
			t.Errorf("waited %s", waited)
		}
		time.Sleep(fetchTimeout)
		synctest.Wait()
		if s := r.Stats(); s.KeysFailed != 1 {
			t.Errorf("stats %+v", s)
		}
	})
}

// TestWaitingIsBounded has more requests than may wait.
func TestWaitingIsBounded(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := runFake(t, func(req *http.Request) (*http.Response, error) {
			<-req.Context().Done()
			return nil, req.Context().Err()
		})
		raw := es256().sign(claimsOf())
		var all sync.WaitGroup
		for range maxWaiting {
			all.Go(func() { r.want(t, raw, NoKeys) })
		}
		synctest.Wait()
		began := time.Now()
		r.want(t, raw, NoKeys)
		if waited := time.Since(began); waited != 0 {
			t.Errorf("one too many waited %s", waited)
		}
		all.Wait()
	})
}

// TestUnknownKeysAreRateLimited has one unknown key a second for ten minutes.
func TestUnknownKeysAreRateLimited(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var hits atomic.Int64
		r := runFake(t, func(*http.Request) (*http.Response, error) {
			hits.Add(1)
			return answer(everyKey(), "max-age=3600"), nil
		})
		for n := range 600 {
			r.want(t, unknown(fmt.Sprint(n)), UnknownKey)
			time.Sleep(time.Second)
		}
		if most := int64(10*time.Minute/askEvery) + askBurst + 2; hits.Load() > most || hits.Load() < most/2 {
			t.Errorf("%d fetches, want at most %d", hits.Load(), most)
		}
	})
}

// TestJWKSRecovers has a key that came while the server was down.
func TestJWKSRecovers(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var down atomic.Bool
		set := atomic.Pointer[string]{}
		first, second := jwks(rs256().jwk()), everyKey()
		set.Store(&first)
		r := runFake(t, func(*http.Request) (*http.Response, error) {
			if down.Load() {
				return nil, io.ErrUnexpectedEOF
			}
			return answer(*set.Load(), ""), nil
		})
		synctest.Wait()
		down.Store(true)
		set.Store(&second)
		r.want(t, es256().sign(claimsOf()), NoKeys)
		r.want(t, rs256().sign(claimsOf()), Passed)
		down.Store(false)
		time.Sleep(maxRetry)
		synctest.Wait()
		r.want(t, es256().sign(claimsOf()), Passed)
	})
}

// TestJWKSKeepsToItsScheme has a way that ends in plain text, and good keys there.
func TestJWKSKeepsToItsScheme(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, func(c *Config) { c.JWKS = "https://id.example/jwks" })
		r.jwks.client.Transport = transport(func(req *http.Request) (*http.Response, error) {
			resp := answer(everyKey(), "")
			if req.URL.Scheme == "https" {
				resp.StatusCode = http.StatusFound
				resp.Header.Set("Location", "http://id.example/jwks")
			}
			return resp, nil
		})
		runVerifier(t, r.Verifier)
		r.want(t, es256().sign(claimsOf()), NoKeys)
	})
}

// TestSameKeysForgetNothing has the JWKS fetched again as it was.
func TestSameKeysForgetNothing(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := runFake(t, func(*http.Request) (*http.Response, error) { return answer(everyKey(), "max-age=60"), nil })
		raw := es256().sign(claimsOf())
		r.want(t, raw, Passed)
		time.Sleep(5 * time.Minute)
		synctest.Wait()
		r.want(t, raw, Passed)
		if s := r.Stats(); s.Remembered != 1 || s.KeysUnchanged < 5 || s.KeysChanged != 1 {
			t.Errorf("stats %+v", s)
		}
	})
}

// TestUnknownKeysWhileDown has a flood of unknown keys, which is no longer asked for, while
// the server is down: nobody knows whether there are such keys. Once it has answered they
// are known not to be there.
func TestUnknownKeysWhileDown(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var down atomic.Bool
		r := runFake(t, func(*http.Request) (*http.Response, error) {
			if down.Load() {
				return nil, io.ErrUnexpectedEOF
			}
			return answer(everyKey(), ""), nil
		})
		r.want(t, unknown("first"), UnknownKey)
		down.Store(true)
		for n := range 300 {
			r.want(t, unknown(fmt.Sprint(n)), NoKeys)
			r.want(t, es256().sign(claimsOf()), Passed)
			time.Sleep(time.Second)
		}
		down.Store(false)
		time.Sleep(maxRetry)
		for n := range 100 {
			r.want(t, unknown(fmt.Sprint(n)), UnknownKey)
		}
	})
}

// TestUnknownKeyThatIsNotAskedFor wants the last answer to count for as long as it is not
// asked again, and no longer.
func TestUnknownKeyThatIsNotAskedFor(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, func(c *Config) { c.JWKS = "http://id.example/jwks" })
		r.jwks.client.Transport = transport(func(*http.Request) (*http.Response, error) { return answer(everyKey(), ""), nil })
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error)
		go func() { done <- r.Run(ctx) }()
		r.want(t, unknown("first"), UnknownKey)
		cancel() // nothing is fetched any more
		if err := <-done; err != nil {
			t.Fatal(err)
		}
		time.Sleep(askEvery)
		r.want(t, unknown("second"), UnknownKey)
		time.Sleep(time.Second)
		r.want(t, unknown("third"), NoKeys)
		r.want(t, es256().sign(claimsOf()), Passed)
	})
}
