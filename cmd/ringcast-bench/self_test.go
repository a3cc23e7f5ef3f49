package main

import (
	"os"
	"testing"
)

// TestFiguresOfThisProcess reads what is known of a process that surely runs.
func TestFiguresOfThisProcess(t *testing.T) {
	t.Parallel()
	held := make([]byte, 32<<20)
	for i := range held {
		held[i] = byte(i)
	}
	m, err := memoryOf(os.Getpid())
	if err != nil || m.now < int64(len(held)) || m.peak < int64(len(held)) {
		t.Errorf("memory %+v, error %v", m, err)
	}
	if held[7] != 7 {
		t.Error("the memory went")
	}
	if cpu, err := cpuOf(os.Getpid()); err != nil || cpu < 0 {
		t.Errorf("CPU time %s, error %v", cpu, err)
	}
	if _, err := cpuOf(-1); err == nil {
		t.Error("a process that cannot be has CPU time")
	}
	if _, err := memoryOf(-1); err == nil {
		t.Error("a process that cannot be has memory")
	}
}
