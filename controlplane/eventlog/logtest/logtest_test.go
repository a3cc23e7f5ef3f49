package logtest

import (
	"flag"
	"os"
	"runtime"
	"sync"
	"testing"
)

// TestMain keeps the property short where it is to fail: nobody reads by which
// steps a fault was found.
func TestMain(m *testing.M) {
	flag.Parse()
	for name, value := range map[string]string{"rapid.nofailfile": "true", "rapid.shrinktime": "1ms"} {
		if err := flag.Set(name, value); err != nil {
			panic(err)
		}
	}
	os.Exit(m.Run())
}

func TestConformance(t *testing.T) {
	t.Parallel()
	Run(t, opener(none))
}

// TestFaults shows that the suite can fail.
func TestFaults(t *testing.T) {
	t.Parallel()
	byName := make(map[string]check)
	for _, c := range checks() {
		byName[c.name] = c
	}
	for f, names := range faults() {
		t.Run(string(f), func(t *testing.T) {
			t.Parallel()
			for _, name := range names {
				if c := byName[name]; c.run == nil || !observe(t, c, opener(f)).Failed() {
					t.Errorf("a log that %s passes %q", f, name)
				}
			}
		})
	}
}

// observe runs a check whose failure is not that of the test.
func observe(t *testing.T, c check, open Opener) *observer {
	o := &observer{tb: t}
	done := make(chan struct{})
	go func() {
		defer close(done)
		defer o.cleanUp()
		c.run(o, open)
	}()
	<-done
	return o
}

// observer is a tb that only notes failures.
type observer struct {
	tb
	mu       sync.Mutex
	failed   bool
	cleanups []func()
}

func (o *observer) Helper()             {}
func (o *observer) Log(...any)          {}
func (o *observer) Logf(string, ...any) {}

func (o *observer) Fail() {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.failed = true
}

func (o *observer) Failed() bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.failed
}

func (o *observer) FailNow() {
	o.Fail()
	runtime.Goexit()
}

func (o *observer) Error(...any)          { o.Fail() }
func (o *observer) Errorf(string, ...any) { o.Fail() }
func (o *observer) Fatal(...any)          { o.FailNow() }
func (o *observer) Fatalf(string, ...any) { o.FailNow() }

func (o *observer) Cleanup(f func()) { o.cleanups = append(o.cleanups, f) }

func (o *observer) cleanUp() {
	for len(o.cleanups) > 0 {
		f := o.cleanups[len(o.cleanups)-1]
		o.cleanups = o.cleanups[:len(o.cleanups)-1]
		f()
	}
}
