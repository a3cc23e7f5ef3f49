package origin

import (
	"fmt"
	"net"
	"syscall"
)

// probe looks at a connection without waiting. net/http's transport has a goroutine
// for that, which waits for every byte.
type probe struct {
	raw  syscall.RawConn
	read func(fd uintptr) bool // kept, since each would be an allocation
	err  error                 // what read got
}

func newProbe(c net.Conn) (*probe, error) {
	tcp, ok := c.(syscall.Conn)
	if !ok {
		return nil, fmt.Errorf("probe connection: %T has no descriptor", c)
	}
	raw, err := tcp.SyscallConn()
	if err != nil {
		return nil, fmt.Errorf("probe connection: %w", err)
	}
	p := &probe{raw: raw}
	p.read = func(fd uintptr) bool {
		var b [1]byte
		_, p.err = syscall.Read(int(fd), b[:])
		return true // do not wait for more
	}
	return p, nil
}

// quiet tells that nothing came, neither an end nor bytes: whatever comes while no
// request is under way would be taken for the answer to the next one. A byte that came
// is lost.
func (p *probe) quiet() bool { return p.raw.Read(p.read) == nil && p.err == syscall.EAGAIN }
