package datadir_test

import (
	"bufio"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/ringcast/ringcast/internal/datadir"
)

// holdVariable makes the test binary a process that holds the directory which
// the variable names.
const holdVariable = "DATADIR_TEST_HOLD"

func TestMain(m *testing.M) {
	if path := os.Getenv(holdVariable); path != "" {
		hold(path)
		return
	}
	os.Exit(m.Run())
}

// hold says how opening went, and stays until its input ends.
func hold(path string) {
	if _, err := datadir.Open(path); err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println("held")
	_, _ = bufio.NewReader(os.Stdin).ReadByte()
}

// startHolder runs another process that opens path, and gives what it says.
func startHolder(t *testing.T, path string) (*exec.Cmd, string) {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), holdVariable+"="+path)
	stdin, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		stdin.Close()
		_ = cmd.Wait()
	})
	said, err := bufio.NewReader(stdout).ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	return cmd, strings.TrimSpace(said)
}

func TestOpenCreatesAndCloseLetsGo(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "a", "b")
	for range 2 {
		dir, err := datadir.Open(path)
		if err != nil {
			t.Fatal(err)
		}
		if got, want := dir.Path("log.db"), filepath.Join(path, "log.db"); got != want {
			t.Errorf("path %s, want %s", got, want)
		}
		for range 2 {
			if err := dir.Close(); err != nil {
				t.Errorf("close: %v", err)
			}
		}
	}
	for name, want := range map[string]fs.FileMode{"": 0o700, "lock": 0o600} {
		info, err := os.Stat(filepath.Join(path, name))
		if err != nil {
			t.Fatal(err)
		}
		if got := info.Mode().Perm(); got != want {
			t.Errorf("%q has mode %o, want %o", name, got, want)
		}
	}
}

func TestOpenTwiceInOneProcess(t *testing.T) {
	t.Parallel()
	path := t.TempDir()
	dir, err := datadir.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer dir.Close()
	if _, err := datadir.Open(path); !errors.Is(err, datadir.ErrInUse) {
		t.Errorf("got %v", err)
	}
}

func TestAnotherProcessHoldsIt(t *testing.T) {
	t.Parallel()
	path := t.TempDir()
	// A longer text of an earlier holder must not show through.
	if err := os.WriteFile(filepath.Join(path, "lock"), []byte("99999999999999999\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	other, said := startHolder(t, path)
	if said != "held" {
		t.Fatal(said)
	}
	_, err := datadir.Open(path)
	want := fmt.Sprintf("data dir %s: in use by another process (pid %d): stop it", path, other.Process.Pid)
	if !errors.Is(err, datadir.ErrInUse) || !strings.HasPrefix(err.Error(), want) {
		t.Errorf("got %v, want %q", err, want)
	}

	if err := other.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = other.Wait()
	dir, err := datadir.Open(path)
	if err != nil {
		t.Fatalf("after the kill: %v", err)
	}
	defer dir.Close()
	_, said = startHolder(t, path)
	if want := fmt.Sprintf("(pid %d)", os.Getpid()); !strings.Contains(said, want) {
		t.Errorf("the other process says %q, want %s", said, want)
	}
}

func TestOpenErrors(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	lockIsDir := t.TempDir()
	if err := os.Mkdir(filepath.Join(lockIsDir, "lock"), 0o700); err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]string{
		"":                         "data dir: the path is empty",
		file:                       "data dir " + file + ": not a directory",
		filepath.Join(file, "dir"): "data dir " + filepath.Join(file, "dir") + ": not a directory",
		lockIsDir:                  "data dir " + lockIsDir + ": is a directory",
	} {
		if _, err := datadir.Open(path); err == nil || err.Error() != want {
			t.Errorf("%q: got %v, want %q", path, err, want)
		}
	}
}
