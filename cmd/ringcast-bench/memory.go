package main

import (
	"fmt"
	"os"
	"strconv"
	"strings"
)

// memory is what a process has in RAM, in bytes.
type memory struct{ now, peak int64 }

// memoryOf reads VmRSS and VmHWM (proc_pid_status(5)).
func memoryOf(pid int) (memory, error) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return memory{}, fmt.Errorf("read memory: %w", err)
	}
	var m memory
	for line := range strings.Lines(string(text)) {
		name, value, _ := strings.Cut(line, ":")
		switch name {
		case "VmRSS":
			m.now, err = kibibytes(value)
		case "VmHWM":
			m.peak, err = kibibytes(value)
		}
		if err != nil {
			return memory{}, fmt.Errorf("read memory: %s: %w", name, err)
		}
	}
	return m, nil
}

func kibibytes(text string) (int64, error) {
	n, err := strconv.ParseInt(strings.TrimSuffix(strings.TrimSpace(text), " kB"), 10, 64)
	return n << 10, err
}

// forgetPeak makes a process' peak what it has now (proc_pid_clear_refs(5)).
func forgetPeak(pid int) error {
	if err := os.WriteFile(fmt.Sprintf("/proc/%d/clear_refs", pid), []byte("5"), 0); err != nil {
		return fmt.Errorf("reset peak of memory: %w", err)
	}
	return nil
}
