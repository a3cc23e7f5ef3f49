package main

import (
	"fmt"
	"net/netip"
	"os"
	"runtime"
	"strconv"
	"time"

	"golang.org/x/sys/unix"
)

const (
	// pollEvents is how many events one wait gives at most.
	pollEvents = 256
	// pollWait bounds a wait, so that the end of a context is noticed.
	pollWait = 50 * time.Millisecond
)

// poller waits for sockets, epoll(7), without a goroutine for each: the load must
// cost less than what it measures.
type poller struct {
	fd     int
	events [pollEvents]unix.EpollEvent
	ready  []int
}

func newPoller() (*poller, error) {
	fd, err := unix.EpollCreate1(unix.EPOLL_CLOEXEC)
	if err != nil {
		return nil, fmt.Errorf("make epoll: %w", err)
	}
	return &poller{fd: fd}, nil
}

// add has wait give name once fd can be read.
func (p *poller) add(fd, name int) error {
	return unix.EpollCtl(p.fd, unix.EPOLL_CTL_ADD, fd, &unix.EpollEvent{Events: unix.EPOLLIN, Fd: int32(name)})
}

// wait gives the names of what can be read; what it gives is valid until the next
// wait.
func (p *poller) wait() ([]int, error) {
	n, err := unix.EpollWait(p.fd, p.events[:], int(pollWait/time.Millisecond))
	if err != nil && err != unix.EINTR {
		return nil, fmt.Errorf("wait for sockets: %w", err)
	}
	p.ready = p.ready[:0]
	for _, event := range p.events[:max(n, 0)] {
		p.ready = append(p.ready, int(event.Fd))
	}
	return p.ready, nil
}

// drop forgets a socket that has ended.
func (p *poller) drop(fd int) { _ = unix.EpollCtl(p.fd, unix.EPOLL_CTL_DEL, fd, nil) }

func (p *poller) close() error { return unix.Close(p.fd) }

// newTicker gives a descriptor that can be read once every period.
func newTicker(period time.Duration) (int, error) {
	fd, err := unix.TimerfdCreate(unix.CLOCK_MONOTONIC, unix.TFD_CLOEXEC|unix.TFD_NONBLOCK)
	if err != nil {
		return -1, fmt.Errorf("make timer: %w", err)
	}
	every := unix.NsecToTimespec(int64(period))
	if err := unix.TimerfdSettime(fd, 0, &unix.ItimerSpec{Interval: every, Value: every}, nil); err != nil {
		return fd, fmt.Errorf("set timer: %w", err)
	}
	return fd, nil
}

// dialRaw connects a socket that does not block from then on.
func dialRaw(address string) (fd int, err error) {
	to, err := netip.ParseAddrPort(address)
	if err != nil {
		return -1, err
	}
	if fd, err = unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0); err != nil {
		return -1, fmt.Errorf("make socket: %w", err)
	}
	err = unix.Connect(fd, &unix.SockaddrInet4{Port: int(to.Port()), Addr: to.Addr().As4()})
	if err == nil {
		err = unbuffer(fd)
	}
	if err != nil {
		_ = unix.Close(fd) // the first error counts
		return -1, fmt.Errorf("connect to %s: %w", address, err)
	}
	return fd, nil
}

// unbuffer makes a socket one that neither blocks nor waits for more to send.
func unbuffer(fd int) error {
	if err := unix.SetsockoptInt(fd, unix.IPPROTO_TCP, unix.TCP_NODELAY, 1); err != nil {
		return err
	}
	return unix.SetNonblock(fd, true)
}

func readRaw(fd int, p []byte) (int, error) { return await(unix.Read(fd, p)) }

// discardRaw takes up to len(p) bytes that nobody looks at. They are not copied,
// tcp(7): p is not written to.
func discardRaw(fd int, p []byte) (int, error) {
	n, _, err := unix.Recvfrom(fd, p, unix.MSG_TRUNC)
	return await(n, err)
}

// await makes 0 of what would block, and an error of the end.
func await(n int, err error) (int, error) {
	switch {
	case err == unix.EAGAIN, err == unix.EINTR:
		return 0, nil
	case err == nil && n <= 0:
		return 0, errClosed
	}
	return n, err
}

func writeRaw(fd int, p []byte) (int, error) { return unix.Write(fd, p) }

func closeRaw(fd int) { _ = unix.Close(fd) } // there is nothing to lose

// cpuOfSelf is how long this process has been running on a CPU.
func cpuOfSelf() time.Duration {
	var use unix.Rusage
	if err := unix.Getrusage(unix.RUSAGE_SELF, &use); err != nil {
		return 0
	}
	return time.Duration(use.Utime.Nano() + use.Stime.Nano())
}

// pinProcess puts all threads of this process on one CPU; those that they start
// are there as well. unpin lets them go.
func pinProcess(cpu int) (unpin func() error, err error) {
	var before unix.CPUSet
	if err := unix.SchedGetaffinity(0, &before); err != nil {
		return nil, fmt.Errorf("read CPU affinity: %w", err)
	}
	only := cpuSet(cpu)
	if err := pinThreads(&only); err != nil {
		return nil, err
	}
	return func() error { return pinThreads(&before) }, nil
}

func pinThreads(set *unix.CPUSet) error {
	threads, err := os.ReadDir("/proc/self/task")
	if err != nil {
		return fmt.Errorf("list threads: %w", err)
	}
	for _, thread := range threads {
		id, err := strconv.Atoi(thread.Name())
		if err == nil {
			err = unix.SchedSetaffinity(id, set)
		}
		if err != nil && err != unix.ESRCH {
			return fmt.Errorf("set CPU affinity: %w", err)
		}
	}
	return nil
}

// onCPU calls fn on a thread of that CPU. A process that fn starts stays there.
func onCPU(cpu int, fn func() error) error {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	var before unix.CPUSet
	if err := unix.SchedGetaffinity(0, &before); err != nil {
		return fmt.Errorf("read CPU affinity: %w", err)
	}
	only := cpuSet(cpu)
	if err := unix.SchedSetaffinity(0, &only); err != nil {
		return fmt.Errorf("set CPU affinity: %w", err)
	}
	err := fn()
	if undo := unix.SchedSetaffinity(0, &before); undo != nil && err == nil {
		err = fmt.Errorf("restore CPU affinity: %w", undo)
	}
	return err
}

func cpuSet(cpu int) (set unix.CPUSet) {
	set.Set(cpu)
	return set
}
