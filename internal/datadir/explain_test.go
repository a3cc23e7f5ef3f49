package datadir

import (
	"errors"
	"io/fs"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
)

// TestExplainPermission makes the errors itself: root, as whom tests may run, is
// refused nothing.
func TestExplainPermission(t *testing.T) {
	t.Parallel()
	const advice = ": it must be writable for this user; choose another with --data-dir"
	for errno, want := range map[syscall.Errno]string{
		unix.EACCES: "data dir /d: permission denied" + advice,
		unix.EPERM:  "data dir /d: operation not permitted" + advice,
		unix.EROFS:  "data dir /d: read-only file system" + advice,
		unix.ENOSPC: "data dir /d: no space left on device",
	} {
		err := explain("/d", &fs.PathError{Op: "mkdir", Path: "/d/x", Err: errno})
		if err.Error() != want || !errors.Is(err, errno) {
			t.Errorf("got %q, want %q", err, want)
		}
	}
}
