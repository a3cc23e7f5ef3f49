package token

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"time"
)

const (
	// filePoll is how often files of keys are read. They are short, so that reading
	// one costs no more than asking whether it changed, and no change is missed.
	filePoll = 2 * time.Second
	// maxKeyData bounds a file of keys, or a JWKS that a server sends: what is longer
	// is none, and would be held in memory.
	maxKeyData = 256 << 10
)

// file is a source of keys on disk.
type file struct {
	flag  string
	path  string
	parse func(data []byte) (keys []key, unfit []error, err error)
	use   func([]key)
	log   *slog.Logger
	seen  []byte // what the last parse was of
	gone  bool   // the last read did not succeed
}

// load reads the file for the first time.
func (f *file) load() error {
	data, err := readFile(f.path)
	if err == nil {
		err = f.take(data)
	}
	if err != nil {
		return fmt.Errorf("%s %s: %w", f.flag, f.path, err)
	}
	return nil
}

// watch keeps up with the file. The keys stay as they are while it cannot be used.
func (f *file) watch(ctx context.Context) {
	ticker := time.NewTicker(filePoll)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
			f.reload()
		}
	}
}

func (f *file) reload() {
	data, err := readFile(f.path)
	if err != nil {
		if !f.gone {
			f.log.Error("a file of keys cannot be read; its last keys stay", "flag", f.flag, "path", f.path, "error", err)
		}
		f.gone = true
		return
	}
	f.gone = false
	if bytes.Equal(data, f.seen) {
		return
	}
	if err := f.take(data); err != nil {
		f.log.Error("a file of keys is no good; its last keys stay", "flag", f.flag, "path", f.path, "error", err)
		return
	}
	f.log.Info("a file of keys has changed", "flag", f.flag, "path", f.path)
}

func (f *file) take(data []byte) error {
	f.seen = data
	keys, unfit, err := f.parse(data)
	if err != nil {
		return err
	}
	for _, err := range unfit {
		f.log.Warn("a key is left out", "flag", f.flag, "path", f.path, "error", err)
	}
	f.use(keys)
	return nil
}

// readFile takes regular files only: a pipe would block, and a device not end.
func readFile(path string) (data []byte, err error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, withoutPath(err)
	}
	if !info.Mode().IsRegular() {
		return nil, errors.New("not a regular file")
	}
	opened, err := os.Open(path)
	if err != nil {
		return nil, withoutPath(err)
	}
	defer func() { err = errors.Join(err, opened.Close()) }()
	return readBounded(opened)
}

// withoutPath leaves out what the caller says.
func withoutPath(err error) error {
	var at *fs.PathError
	if errors.As(err, &at) {
		return fmt.Errorf("%s: %w", at.Op, at.Err)
	}
	return err
}

func readBounded(r io.Reader) ([]byte, error) {
	data, err := io.ReadAll(io.LimitReader(r, maxKeyData+1))
	if err != nil {
		return nil, fmt.Errorf("read: %w", err)
	}
	if len(data) > maxKeyData {
		return nil, fmt.Errorf("more than %d bytes", maxKeyData)
	}
	return data, nil
}
