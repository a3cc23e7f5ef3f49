package token

import (
	"bytes"
	"context"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"net/netip"
	"net/url"
	"sync"
	"sync/atomic"
	"time"
)

const (
	// minFresh, maxFresh and someFresh are for how long a JWKS is used before it is
	// fetched again: at least, whatever its server says, so that it is not asked all
	// the time; at most, so that a withdrawn key ends; and where it says nothing.
	minFresh  = time.Minute
	maxFresh  = time.Hour
	someFresh = 10 * time.Minute
	// minRetry and maxRetry bound the time between attempts while the server cannot
	// be reached.
	minRetry = time.Second
	maxRetry = time.Minute
	// askEvery and askBurst bound the fetches that unknown keys can cause: so many
	// at once, since an issuer may rotate twice, and then one each time. They keep
	// forged tokens from being turned into load on the issuer.
	askEvery = 30 * time.Second
	askBurst = 3
)

// refresher keeps the keys of a URL.
type refresher struct {
	from   *url.URL
	client *http.Client
	use    func([]key)
	log    *slog.Logger
	counts refreshCounts

	wake chan struct{} // has room for the one that makes pending non-nil
	seen []byte        // what the keys in use were parsed from; run's alone

	mu       sync.Mutex    // guards what follows
	pending  chan struct{} // closed when the fetch asked for, or under way, has ended; nil: none
	stopped  bool          // nobody fetches any more
	answered time.Time     // when the last fetch succeeded; zero: it did not
	asks     allowance
}

// refreshCounts count the fetches by outcome.
type refreshCounts struct{ changed, unchanged, failed atomic.Uint64 }

func newRefresher(from *url.URL, use func([]key), log *slog.Logger) *refresher {
	return &refresher{
		from: from, client: newClient(), use: use, log: log,
		wake: make(chan struct{}, 1), asks: allowance{left: askBurst},
	}
}

// run fetches now, when the keys are no longer fresh, and when it is asked to.
func (r *refresher) run(ctx context.Context) {
	defer r.client.CloseIdleConnections()
	defer r.stop()
	r.warn()
	timer := time.NewTimer(0)
	defer timer.Stop()
	for failures := 0; ; {
		select {
		case <-ctx.Done():
			return
		case <-timer.C:
		case <-r.wake:
		}
		r.begin()
		fresh, err := r.refresh(ctx)
		r.end(err)
		if err == nil {
			failures = 0
		} else {
			fresh = backoff(failures)
			failures++
		}
		timer.Reset(jitter(fresh))
	}
}

// warn tells of keys that anybody on the way can replace by his own.
func (r *refresher) warn() {
	addr, err := netip.ParseAddr(r.from.Hostname())
	isLocal := r.from.Hostname() == "localhost" || err == nil && addr.IsLoopback()
	if r.from.Scheme == "http" && !isLocal {
		r.log.Warn("--jwt-jwks is fetched without TLS: who controls the way to it decides which tokens are good",
			"url", r.from.Redacted())
	}
}

// refresh fetches once, and gives for how long that does.
func (r *refresher) refresh(ctx context.Context) (fresh time.Duration, err error) {
	data, fresh, err := fetch(ctx, r.client, r.from)
	if err == nil && !bytes.Equal(data, r.seen) {
		err = r.take(data)
	} else if err == nil {
		r.counts.unchanged.Add(1)
	}
	if err != nil {
		if ctx.Err() == nil {
			r.counts.failed.Add(1)
			r.log.Warn("the JWKS cannot be had; its last keys stay", "url", r.from.Redacted(), "error", err)
		}
		return 0, err
	}
	if fresh == 0 {
		fresh = someFresh
	}
	return fresh, nil
}

func (r *refresher) take(data []byte) error {
	keys, unfit, err := parseJWKS(data)
	if err != nil {
		return err
	}
	for _, err := range unfit {
		r.log.Warn("a key is left out", "url", r.from.Redacted(), "error", err)
	}
	r.seen = data
	r.use(keys)
	r.counts.changed.Add(1)
	r.log.Info("new keys", "url", r.from.Redacted(), "keys", len(keys))
	return nil
}

// ask has the keys fetched, and gives a channel that is closed when that has been
// tried, or nil where it is refused. Everybody who asks meanwhile shares the fetch.
func (r *refresher) ask() <-chan struct{} {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.stopped {
		return nil
	}
	if r.pending == nil {
		if !r.asks.take(time.Now()) {
			return nil
		}
		r.pending = make(chan struct{})
		r.wake <- struct{}{}
	}
	return r.pending
}

// begin makes the fetch known that comes now, and takes it for the one asked for.
func (r *refresher) begin() {
	r.mu.Lock()
	defer r.mu.Unlock()
	select {
	case <-r.wake:
	default:
	}
	if r.pending == nil {
		r.pending = make(chan struct{})
	}
}

func (r *refresher) end(err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.answered = time.Time{}
	if err == nil {
		r.answered = time.Now()
	}
	close(r.pending)
	r.pending = nil
}

func (r *refresher) stop() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.stopped = true
	if r.pending != nil {
		close(r.pending)
		r.pending = nil
	}
}

// current tells whether the keys at hand are all that there are: the last fetch
// succeeded, and not longer ago than unknown keys may be asked for again.
func (r *refresher) current() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return !r.answered.IsZero() && time.Since(r.answered) <= askEvery
}

// backoff doubles with each failure after the first.
func backoff(failures int) time.Duration {
	return min(minRetry<<min(failures, 10), maxRetry)
}

// jitter takes off up to a fifth, so that edges that started together spread.
func jitter(d time.Duration) time.Duration { return d - rand.N(d/5+1) }

// allowance is a bucket of askBurst that gains one each askEvery.
type allowance struct {
	left  int
	since time.Time // when the next one began to come
}

func (a *allowance) take(now time.Time) bool {
	if gained := int(now.Sub(a.since) / askEvery); a.left >= askBurst || gained >= askBurst-a.left {
		a.left, a.since = askBurst, now
	} else {
		a.left, a.since = a.left+gained, a.since.Add(time.Duration(gained)*askEvery)
	}
	if a.left == 0 {
		return false
	}
	a.left--
	return true
}
