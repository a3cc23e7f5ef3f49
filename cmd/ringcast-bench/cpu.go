package main

import (
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"
)

const (
	// clockTick is the unit of CPU times in /proc (USER_HZ), the same on every
	// architecture that matters here.
	clockTick = 10 * time.Millisecond
	// utimeField is the field of the time in user mode, that of the time in system
	// mode is the next; both count from the state, which follows the name.
	utimeField = 11
)

// cpuOf reads how long a process has been running on a CPU (proc_pid_stat(5)).
// On a shared machine it tells more than the time on the clock.
func cpuOf(pid int) (time.Duration, error) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return 0, fmt.Errorf("read CPU time: %w", err)
	}
	// The name is in parentheses and may have some itself.
	fields := strings.Fields(string(text[strings.LastIndexByte(string(text), ')')+1:]))
	if len(fields) <= utimeField+1 {
		return 0, fmt.Errorf("read CPU time: %q", text)
	}
	var ticks int64
	for _, field := range fields[utimeField : utimeField+2] {
		n, err := strconv.ParseInt(field, 10, 64)
		if err != nil {
			return 0, fmt.Errorf("read CPU time: %w", err)
		}
		ticks += n
	}
	return time.Duration(ticks) * clockTick, nil
}
