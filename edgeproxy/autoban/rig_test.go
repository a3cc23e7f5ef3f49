package autoban

import (
	"context"
	"log/slog"
	"maps"
	"net/netip"
	"slices"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// clock is a clock that a test moves. It has no monotonic reading.
type clock struct {
	mu  sync.Mutex
	at  time.Time
	set bool
}

func (c *clock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.set {
		c.at, c.set = time.Unix(1_700_000_000, 0), true
	}
	return c.at
}

func (c *clock) add(d time.Duration) {
	now := c.now()
	c.mu.Lock()
	defer c.mu.Unlock()
	c.at = now.Add(d)
}

// address is the nth of many.
func address(n int) netip.Addr {
	return netip.AddrFrom4([4]byte{byte(n>>24) + 11, byte(n >> 16), byte(n >> 8), byte(n)})
}

// list is a deny list in memory.
type list struct {
	mu       sync.Mutex
	bans     map[netip.Prefix]Ban
	writes   int
	exempt   map[netip.Addr]bool
	recorded map[netip.Prefix]bool
	// fail is what Ban and the look-ups give, and entered and leave hold Ban up where
	// they are set.
	fail           error
	entered, leave chan struct{}
}

func newList() *list {
	return &list{bans: map[netip.Prefix]Ban{}, exempt: map[netip.Addr]bool{}, recorded: map[netip.Prefix]bool{}}
}

func (l *list) Ban(ctx context.Context, bans []Ban) error {
	if l.entered != nil {
		l.entered <- struct{}{}
		<-l.leave
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.fail != nil {
		return l.fail
	}
	for _, ban := range bans {
		l.bans[ban.Prefix] = ban
		l.writes++
	}
	return ctx.Err()
}

func (l *list) Lift(_ context.Context, prefix netip.Prefix) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.bans, prefix)
	return nil
}

func (l *list) Banned(addr netip.Addr) (bool, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for prefix := range l.bans {
		if prefix.Contains(addr) {
			return true, nil
		}
	}
	return false, nil
}

func (l *list) Own(prefix netip.Prefix) (bool, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	_, own := l.bans[prefix]
	return own, nil
}

func (l *list) Recorded(prefix netip.Prefix) (bool, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.recorded[prefix], nil
}

func (l *list) Exempt(addr netip.Addr, _ netip.Prefix) (bool, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.exempt[addr], nil
}

func (l *list) setFail(err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.fail = err
}

func (l *list) prefixes() []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	var texts []string
	for prefix := range maps.Keys(l.bans) {
		texts = append(texts, prefix.String())
	}
	slices.Sort(texts)
	return texts
}

var usual = Config{Failures: 3, Window: time.Minute, For: 10 * time.Minute}

func newWarden(t *testing.T, cfg Config, deps Deps) *Warden {
	t.Helper()
	deps.Logger = slog.New(slog.DiscardHandler)
	if deps.Now == nil {
		deps.Now = time.Now
	}
	w, err := New(cfg, deps)
	if err != nil {
		t.Fatal(err)
	}
	return w
}

// start runs the warden until the end of the test.
func start(t *testing.T, w *Warden) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	var run sync.WaitGroup
	run.Go(func() {
		if err := w.Run(ctx); err != nil {
			t.Error(err)
		}
	})
	stop = func() {
		cancel()
		run.Wait()
	}
	t.Cleanup(stop)
	return stop
}
