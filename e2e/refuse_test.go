package e2e

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// Exit codes of the contract.
const (
	exitDone        = 0
	exitError       = 1
	exitUsage       = 2
	exitUnreachable = 5
)

// controlIn and edgeIn are the least that a process needs to start.
func controlIn(dir string, more ...string) []string {
	return append([]string{"control", "--http-listen", "localhost:0", "--grpc-listen", "localhost:0", "--data-dir", dir}, more...)
}

func edgeIn(dir string, more ...string) []string {
	return append([]string{
		"edge", "--listen", "localhost:0", "--admin-listen", "localhost:0", "--data-dir", dir, "--origin", "http://localhost:1",
	}, more...)
}

// refuses runs a command that must not start, and checks that it says why: the
// last line on stderr is a sentence with all the words.
func refuses(t *testing.T, code int, args []string, words ...string) {
	t.Helper()
	refusesIn(t, nil, code, args, words...)
}

func refusesIn(t *testing.T, env []string, code int, args []string, words ...string) {
	t.Helper()
	got := ringcast(t, env, args...)
	if got.code != code {
		t.Errorf("ringcast %s: exit code %d, want %d", strings.Join(args, " "), got.code, code)
	}
	for _, word := range append(words, "ringcast: ") {
		if !strings.Contains(got.err, word) {
			t.Errorf("ringcast %s says\n%s\nand nothing of %q", strings.Join(args, " "), got.err, word)
		}
	}
	for _, noise := range []string{"panic", "goroutine ", "Usage:"} {
		if strings.Contains(got.err, noise) {
			t.Errorf("ringcast %s says more than a sentence:\n%s", strings.Join(args, " "), got.err)
		}
	}
	if got.out != "" {
		t.Errorf("ringcast %s writes to stdout: %q", strings.Join(args, " "), got.out)
	}
}

// TestBadCommandLinesAreRefused before anything is opened.
func TestBadCommandLinesAreRefused(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "not-made")
	file := filepath.Join(t.TempDir(), "settings.yaml")
	writeFile(t, file, "heartbeat: 1s\nhart-beat: 2s\n")
	refuses(t, exitUsage, controlIn(dir, "--no-such-flag"), "--no-such-flag")
	refuses(t, exitUsage, controlIn(dir, "an-argument"), "an-argument")
	refuses(t, exitUsage, []string{"no-such-command"}, "no-such-command")
	refuses(t, exitUsage, controlIn(dir, "--config", file), file, "line 2", "hart-beat")
	refuses(t, exitUsage, controlIn(dir, "--config", file+".absent"), file+".absent")
	refuses(t, exitUsage, controlIn(dir, "--heartbeat", "soon"), "--heartbeat")
	refuses(t, exitUsage, controlIn(dir, "--heartbeat", "1ms"), "--heartbeat", "100ms")
	refuses(t, exitUsage, controlIn(dir, "--log", "etcd://localhost:2379"), "--log")
	refuses(t, exitUsage, controlIn(dir, "--log-level", "loud"), "--log-level")
	refuses(t, exitUsage, controlIn(dir, "--http-listen", ":0"), "--http-listen", "credentials", "--insecure")
	refuses(t, exitUsage, controlIn(dir, "--grpc-listen", "0.0.0.0:0"), "--grpc-listen", "credentials", "--insecure")
	refuses(t, exitUsage, edgeIn(dir, "--admin-listen", "[::]:0"), "--admin-listen", "credentials", "--insecure")
	refuses(t, exitUsage, edgeIn(dir, "--origin", "localhost:8080"), "--origin", "URL")
	refuses(t, exitUsage, edgeIn(dir, "--origin", ""), "--origin", "required")
	refuses(t, exitUsage, edgeIn(dir, "--control", "ftp://localhost"), "--control", "URL")
	refuses(t, exitUsage, controlIn(dir, "--http-listen", "localhost:99999"), "--http-listen localhost:99999", "no port 99999")
	refuses(t, exitUsage, controlIn(dir, "--http-listen", "localhost:4000", "--grpc-listen", "localhost:4000"), "both localhost:4000", "a port of its own")
	refuses(t, exitUsage, edgeIn(dir, "--listen", "localhost:99999"), "--listen localhost:99999", "no port 99999")
	refuses(t, exitUsage, edgeIn(dir, "--listen", "localhost:5001", "--admin-listen", "localhost:5001"), "both localhost:5001", "a port of its own")
	refuses(t, exitUsage, edgeIn(dir, "--origin", "http://x:99999"), "--origin", "no port 99999")
	refuses(t, exitUsage, edgeIn(dir, "--control", "http://x:99999"), "--control", "no port 99999")
	refuses(t, exitUsage, edgeIn(dir, "--ttl-rules", "jitter,moon"), "--ttl-rules: ", `"moon"`, "frequency, time, jitter")
	refuses(t, exitUsage, edgeIn(dir, "--ttl-zone", "Mars/Olympus"), "--ttl-zone: ", "Mars/Olympus")
	refuses(t, exitUsage, edgeIn(dir, "--ttl-peak", "8-22"), "--ttl-peak: ", `"8-22"`)
	refuses(t, exitUsage, edgeIn(dir, "--ttl-max-factor", "11"), "--ttl-max-factor: ", "from 1 to 10")
	refuses(t, exitUsage, edgeIn(dir, "--ttl-max-factor", "twice"), "--ttl-max-factor", "want a number")
	refuses(t, exitUsage, edgeIn(dir, "--cache-memory", "much"), "--cache-memory", "want a size")
	refusesIn(t, []string{"RINGCAST_TTL_MAX_FACTOR=NaN"}, exitUsage, edgeIn(dir), "RINGCAST_TTL_MAX_FACTOR", "want a number")
	refusesIn(t, []string{"RINGCAST_RING_SIZE=many"}, exitUsage, controlIn(dir), "RINGCAST_RING_SIZE", "many")
	refusesIn(t, []string{"PORT=http"}, exitUsage, []string{"control", "--data-dir", dir}, "PORT", "http")
	if _, err := os.Stat(dir); !os.IsNotExist(err) {
		t.Errorf("a refused command made its data dir: %v", err)
	}
}

// TestInsecureListeners start where they are asked for; traffic may be public.
func TestInsecureListeners(t *testing.T) {
	t.Parallel()
	c := launch(t, "control plane", nil, controlIn(t.TempDir(), "--http-listen", "127.0.0.1:0", "--grpc-listen", ":0", "--insecure", "--log-format", "json")...)
	http := "http://127.0.0.1:" + portOf(t, c.logged("control plane ready"), "http")
	e := launch(t, "edge", nil, edgeIn(t.TempDir(), "--listen", ":0", "--control", http, "--log-format", "json")...)
	e.logged("level with the log")
}

// TestDataDirThatCannotBeUsed: it is in use, or no directory.
func TestDataDirThatCannotBeUsed(t *testing.T) {
	t.Parallel()
	c := startControl(t)
	pid := fmt.Sprintf("pid %d", c.cmd.Process.Pid)
	refuses(t, exitError, controlIn(c.dir), c.dir, "in use", pid)
	e := startEdge(t, "http://localhost:1", c.url)
	refuses(t, exitError, edgeIn(e.dir), e.dir, "in use")
	e.reaches(c.ban("192.0.2.1", "")) // both still serve

	file := filepath.Join(t.TempDir(), "file")
	writeFile(t, file, "not a directory")
	refuses(t, exitError, controlIn(file), file, "not a directory")
	refuses(t, exitError, edgeIn(file), file, "not a directory")
}

// TestDataDirWithoutPermission runs the binary as nobody where these tests run
// as root, whom no permission stops.
func TestDataDirWithoutPermission(t *testing.T) {
	t.Parallel()
	parent := must[string](t)(os.MkdirTemp("", "ringcast-e2e-"))
	t.Cleanup(func() { os.RemoveAll(parent) })
	if err := os.Chmod(parent, 0o555); err != nil {
		t.Fatal(err)
	}
	for _, args := range [][]string{controlIn(filepath.Join(parent, "dir")), edgeIn(filepath.Join(parent, "dir"))} {
		cmd := command(nil, args...)
		if os.Getuid() == 0 {
			cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 65534, Gid: 65534}}
		}
		out, err := cmd.CombinedOutput()
		if code := cmd.ProcessState.ExitCode(); code != exitError || !strings.Contains(string(out), "permission denied") ||
			!strings.Contains(string(out), "--data-dir") {
			t.Errorf("ringcast %s: exit code %d, %v:\n%s", args[0], code, err, out)
		}
	}
}

func writeFile(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}
