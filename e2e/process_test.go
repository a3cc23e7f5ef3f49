package e2e

import (
	"errors"
	"net"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"
)

const (
	// patience bounds every wait for something that should take no time. It is
	// long, for a machine that runs much else; nothing waits for it to pass.
	patience = 30 * time.Second
	// prompt is what a supervisor may expect of an orderly stop.
	prompt = 15 * time.Second
)

// process is a running ringcast.
type process struct {
	t      *testing.T
	name   string
	cmd    *exec.Cmd
	out    *journal
	log    *journal
	exited chan struct{}
}

// launch starts the binary. The end of the test kills it, checks it for races
// and, where the test failed, shows what it wrote.
func launch(t *testing.T, name string, env []string, args ...string) *process {
	t.Helper()
	return run(t, name, command(env, args...))
}

// run is launch of any program.
func run(t *testing.T, name string, cmd *exec.Cmd) *process {
	t.Helper()
	p := &process{t: t, name: name, cmd: cmd, out: newJournal(), log: newJournal(), exited: make(chan struct{})}
	p.cmd.Stdout, p.cmd.Stderr = p.out, p.log
	if err := p.cmd.Start(); err != nil {
		t.Fatalf("start %s: %v", name, err)
	}
	go func() {
		defer close(p.exited)
		_ = p.cmd.Wait() // ProcessState has it
	}()
	t.Cleanup(p.finish)
	return p
}

// command makes the process independent of the variables of whoever runs the
// tests.
func command(env []string, args ...string) *exec.Cmd {
	cmd := exec.Command(binary, args...)
	cmd.Env = append([]string{"PATH=" + os.Getenv("PATH"), "HOME=" + os.TempDir()}, env...)
	return cmd
}

func (p *process) finish() {
	p.kill()
	checkRaces(p.t, p.name, p.log.String())
	if p.t.Failed() {
		p.t.Logf("%s wrote:\n%s", p.name, tail(p.log.String(), 60))
	}
}

func checkRaces(t *testing.T, name, log string) {
	t.Helper()
	if _, race, found := strings.Cut(log, "WARNING: DATA RACE"); found {
		t.Errorf("%s has a data race:%s", name, race)
	}
}

// kill is SIGKILL. The process is gone when it returns.
func (p *process) kill() {
	_ = p.cmd.Process.Kill() // it may be gone already
	<-p.exited
}

// terminate asks for an orderly stop and gives the exit code.
func (p *process) terminate() int {
	p.t.Helper()
	p.sigterm()
	return p.wait(prompt)
}

func (p *process) sigterm() {
	p.t.Helper()
	if err := p.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		p.t.Fatalf("SIGTERM to %s: %v", p.name, err)
	}
}

// wait gives the exit code of a process that is to end by itself.
func (p *process) wait(within time.Duration) int {
	p.t.Helper()
	select {
	case <-p.exited:
		return p.cmd.ProcessState.ExitCode()
	case <-time.After(within):
		p.t.Fatalf("%s still runs after %s", p.name, within)
		return 0
	}
}

// logged waits for the log record with that message and gives its attributes.
func (p *process) logged(message string) map[string]any {
	p.t.Helper()
	deadline := time.After(patience)
	for {
		attrs, found, changed := p.log.record(message)
		if found {
			return attrs
		}
		select {
		case <-changed:
		case <-p.exited:
			if attrs, found, _ := p.log.record(message); found {
				return attrs
			}
			p.t.Fatalf("%s ended (%v) before it logged %q", p.name, p.cmd.ProcessState, message)
		case <-deadline:
			p.t.Fatalf("%s has not logged %q in %s", p.name, message, patience)
		}
	}
}

// portOf is the port of the addresses in a log record, which they share.
func portOf(t *testing.T, attrs map[string]any, key string) string {
	t.Helper()
	addresses, _ := attrs[key].([]any)
	if len(addresses) == 0 {
		t.Fatalf("log record %v: %s is no list of addresses", attrs, key)
	}
	address, _ := addresses[0].(string)
	_, port, err := net.SplitHostPort(address)
	if err != nil {
		t.Fatalf("log record %v: %s has no address: %v", attrs, key, err)
	}
	return port
}

// result is what a command that ended by itself left.
type result struct {
	code     int
	out, err string
}

// ringcast runs a command to its end.
func ringcast(t *testing.T, env []string, args ...string) result {
	t.Helper()
	p := launch(t, "ringcast "+strings.Join(args, " "), env, args...)
	code := p.wait(patience)
	return result{code: code, out: p.out.String(), err: p.log.String()}
}

// eventually waits until check has nothing to object.
func eventually(t *testing.T, what string, check func() error) {
	t.Helper()
	deadline := time.After(patience)
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for {
		err := check()
		if err == nil {
			return
		}
		select {
		case <-tick.C:
		case <-deadline:
			t.Fatalf("%s: not after %s: %v", what, patience, err)
		}
	}
}

// must gives the value of a call that has no reason to fail.
func must[T any](t *testing.T) func(v T, err error) T {
	return func(v T, err error) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

// tail is the last lines of a text.
func tail(text string, lines int) string {
	all := strings.Split(text, "\n")
	return strings.Join(all[max(0, len(all)-lines):], "\n")
}

// errNotYet is what a check has to object where there is nothing to add.
var errNotYet = errors.New("not yet")
