package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"sync"
	"syscall"
	"time"
)

const (
	// pollEvery is how often a condition is looked at: often enough for figures
	// of seconds, seldom enough to cost nothing.
	pollEvery = 5 * time.Millisecond
	// stopTimeout is how long a child may take to end by itself.
	stopTimeout = 15 * time.Second
	// tailBytes is how much of what a child says is kept for errors.
	tailBytes = 4 << 10
)

// child is a process that the benchmark started and ends.
type child struct {
	name    string
	cmd     *exec.Cmd
	said    *tail
	started time.Time
	// done is closed when the process has ended; err is then how.
	done chan struct{}
	err  error
}

// startChild starts a process, which ends with ctx at the latest.
func startChild(ctx context.Context, name, path string, args ...string) (*child, error) {
	return startTelling(ctx, nil, name, path, args...)
}

// startTelling is startChild for a process whose standard output is for out; nil: it
// says nothing of note there.
func startTelling(ctx context.Context, out io.Writer, name, path string, args ...string) (*child, error) {
	c := &child{name: name, cmd: exec.CommandContext(ctx, path, args...), said: new(tail), done: make(chan struct{})}
	c.cmd.Stdout, c.cmd.Stderr = out, c.said
	if out == nil {
		c.cmd.Stdout = c.said
	}
	c.cmd.Cancel = func() error { return c.cmd.Process.Signal(syscall.SIGTERM) }
	c.cmd.WaitDelay = stopTimeout
	c.started = time.Now()
	if err := c.cmd.Start(); err != nil {
		return nil, fmt.Errorf("start %s: %w", name, err)
	}
	go func() {
		defer close(c.done)
		c.err = c.cmd.Wait()
	}()
	return c, nil
}

func (c *child) pid() int { return c.cmd.Process.Pid }

// stop asks the process to end and waits until it has. It can be called again.
func (c *child) stop() error { return c.end(syscall.SIGTERM) }

// kill ends the process at once, as a crash would.
func (c *child) kill() error { return c.end(syscall.SIGKILL) }

func (c *child) end(signal os.Signal) error {
	if err := c.cmd.Process.Signal(signal); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return fmt.Errorf("end %s: %w", c.name, err)
	}
	timer := time.AfterFunc(stopTimeout, func() { _ = c.cmd.Process.Kill() }) // it may have gone by now
	defer timer.Stop()
	<-c.done
	return nil
}

// until waits for a condition. It fails where the process ends before, or ctx does.
func (c *child) until(ctx context.Context, condition func() bool) error {
	ticker := time.NewTicker(pollEvery)
	defer ticker.Stop()
	for !condition() {
		select {
		case <-ticker.C:
		case <-c.done:
			return fmt.Errorf("%s has ended: %w: %s", c.name, c.err, c.said)
		case <-ctx.Done():
			return fmt.Errorf("wait for %s: %w: %s", c.name, ctx.Err(), c.said)
		}
	}
	return nil
}

// tail keeps the end of what was written to it.
type tail struct {
	mu   sync.Mutex
	text []byte // guarded by mu
}

// Write implements io.Writer.
func (t *tail) Write(p []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.text = append(t.text, p...)
	t.text = t.text[max(0, len(t.text)-tailBytes):]
	return len(p), nil
}

// String implements fmt.Stringer.
func (t *tail) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return string(t.text)
}
