package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
)

// importFlags say what to import.
type importFlags struct {
	file, checkpoint string
	defaults         listedBan
	override         bool
}

// list opens the list; size is 0 where it is not known.
func (f importFlags) list(stdin io.Reader) (list io.ReadCloser, size int64, err error) {
	if f.file == "-" {
		return io.NopCloser(stdin), 0, nil
	}
	file, err := os.Open(f.file)
	if err != nil {
		return nil, 0, fmt.Errorf("read list: %w", err)
	}
	info, err := file.Stat()
	if err != nil {
		return nil, 0, errors.Join(fmt.Errorf("read list: %w", err), file.Close())
	}
	if info.Mode().IsRegular() {
		size = info.Size()
	}
	return file, size, nil
}

// checkpointPath is where the import's checkpoint is; empty: it has none.
func (f importFlags) checkpointPath() string {
	if f.checkpoint != "" || f.file == "-" {
		return f.checkpoint
	}
	return f.file + checkpointSuffix
}

// importBans bans what a list names.
func (c *call) importBans(ctx context.Context, stdin io.Reader, flags importFlags) error {
	list, size, err := flags.list(stdin)
	if err != nil {
		return err
	}
	defer func() { _ = list.Close() }() // only read
	point, err := openCheckpoint(flags.checkpointPath())
	if err != nil {
		return err
	}
	report := &importReport{call: c, progress: newProgress(c.errOut, size, c.now)}
	err = c.sendList(ctx, newChunks(list, point.id, flags.defaults, flags.override), point, report)
	report.progress.clear()
	if err != nil {
		return point.explain(err)
	}
	return cmp.Or(point.end(), report.end())
}

// explain says what to do about an import that was cut short. No other advice goes
// with it: whatever became of the requests without an answer, a repeat is safe.
func (c *checkpoint) explain(err error) error {
	advice := "the same command begins anew: standard input has a checkpoint only if --checkpoint names one"
	if c.path != "" {
		advice = "the same command goes on where this one stopped"
	}
	return fmt.Errorf("%w; %s", err, advice)
}
