// Package datadir is the directory in which a process keeps its files, held by
// one process at a time.
package datadir

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"

	"golang.org/x/sys/unix"
)

const (
	// lockName is the file whose lock holds the directory. It stays when the
	// lock goes: removing it would let two processes lock two files of one name.
	lockName = "lock"
	// dirMode and lockMode keep other users out: state and credentials lie here.
	dirMode, lockMode = 0o700, 0o600
	// maxPIDLength bounds what is read of a lock file that another program wrote.
	maxPIDLength = 20
)

// ErrInUse is wrapped by the error of Open when another process, or another Dir
// of this one, holds the directory.
var ErrInUse = errors.New("in use by another process")

// Dir is a directory held by this process.
type Dir struct {
	path  string
	close func() error
}

// Open creates the directory where it is absent, readable by its owner alone,
// and holds it until Close or the end of the process, however that comes. It
// does not wait for a directory that is in use: the error then wraps ErrInUse
// and names the process.
func Open(path string) (*Dir, error) {
	if path == "" {
		return nil, errors.New("data dir: the path is empty")
	}
	if err := os.MkdirAll(path, dirMode); err != nil {
		return nil, explain(path, err)
	}
	lock, err := os.OpenFile(filepath.Join(path, lockName), os.O_RDWR|os.O_CREATE, lockMode)
	if err != nil {
		return nil, explain(path, err)
	}
	if err := hold(lock); err != nil {
		return nil, errors.Join(explain(path, err), lock.Close())
	}
	return &Dir{path: path, close: sync.OnceValue(lock.Close)}, nil
}

// Path gives the path of a file of that name in the directory.
func (d *Dir) Path(name string) string { return filepath.Join(d.path, name) }

// Close lets the directory go. It can be called again, with the same result.
func (d *Dir) Close() error { return d.close() }

// hold locks the file and writes this process's id into it, for the error of the
// next one.
func hold(lock *os.File) error {
	err := unix.Flock(int(lock.Fd()), unix.LOCK_EX|unix.LOCK_NB)
	if errors.Is(err, unix.EWOULDBLOCK) {
		return fmt.Errorf("%w%s: stop it or choose another directory with --data-dir", ErrInUse, holder(lock))
	}
	if err != nil {
		return fmt.Errorf("lock: %w", err)
	}
	if err := lock.Truncate(0); err != nil {
		return err
	}
	_, err = lock.WriteAt([]byte(strconv.Itoa(os.Getpid())+"\n"), 0)
	return err
}

// holder gives " (pid N)", or nothing where the file does not tell.
func holder(lock io.Reader) string {
	text, _ := io.ReadAll(io.LimitReader(lock, maxPIDLength))
	pid, err := strconv.Atoi(strings.TrimSpace(string(text)))
	if err != nil {
		return ""
	}
	return fmt.Sprintf(" (pid %d)", pid)
}

// explain says what can be done, in place of the system call and its path.
func explain(path string, err error) error {
	if failure, ok := errors.AsType[*fs.PathError](err); ok {
		err = failure.Err
	}
	if errors.Is(err, fs.ErrPermission) || errors.Is(err, unix.EROFS) {
		err = fmt.Errorf("%w: it must be writable for this user; choose another with --data-dir", err)
	}
	return fmt.Errorf("data dir %s: %w", path, err)
}
