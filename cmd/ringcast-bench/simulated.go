package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strconv"
	"sync"
	"time"
)

// simulated is the process of the simulated edges, as its parent has it.
type simulated struct {
	*child
	count int
	told  *told
}

// startSimulated starts edges, and waits until all of them are level.
func startSimulated(ctx context.Context, control string, count int) (*simulated, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, fmt.Errorf("find this program: %w", err)
	}
	s := &simulated{count: count, told: &told{read: map[uint64]time.Time{}}}
	s.child, err = startTelling(ctx, s.told, "simulated edges", self, "edges", "--control", control, "--edges", strconv.Itoa(count))
	if err != nil {
		return nil, err
	}
	if err := s.until(ctx, s.told.isLevel); err != nil {
		return nil, errors.Join(err, s.stop())
	}
	return s, nil
}

// lastRead gives when the last edge has read a position. It can be asked once.
func (s *simulated) lastRead(ctx context.Context, position uint64) (at time.Time, err error) {
	err = s.until(ctx, func() (ok bool) {
		at, ok = s.told.take(position)
		return ok
	})
	return at, err
}

// told is what the process has written.
type told struct {
	mu    sync.Mutex // guards what follows
	rest  []byte     // the beginning of a line
	level bool
	read  map[uint64]time.Time
}

// Write implements io.Writer.
func (t *told) Write(p []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.rest = append(t.rest, p...)
	for {
		line, rest, whole := bytes.Cut(t.rest, []byte("\n"))
		if !whole {
			return len(p), nil
		}
		var h heard
		if err := json.Unmarshal(line, &h); err != nil {
			return 0, fmt.Errorf("read line of the simulated edges: %w", err)
		}
		t.rest = rest
		t.level = t.level || h.Level
		if h.Position != 0 {
			t.read[h.Position] = time.Unix(0, h.Read)
		}
	}
}

func (t *told) isLevel() bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.level
}

func (t *told) take(position uint64) (at time.Time, ok bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	at, ok = t.read[position]
	delete(t.read, position)
	return at, ok
}
