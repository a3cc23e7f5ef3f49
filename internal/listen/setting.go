package listen

import (
	"errors"
	"fmt"
	"net"
	"strings"
)

// Setting is an address to listen on as a person set it.
type Setting struct {
	// Flag holds the address, such as --http-listen; errors name it.
	Flag string
	// Address is host:port, as for Listen.
	Address string
	// Public allows an address beyond loopback. A listener that asks for no
	// credentials is public only where somebody has said that it may be.
	Public bool
}

// Check refuses settings with which the listeners of a process cannot all be
// opened, and those that strangers could reach. Errors are sentences, one for
// each mistake.
func Check(settings ...Setting) error {
	var errs []error
	for i, s := range settings {
		errs = append(errs, s.check())
		for _, other := range settings[:i] {
			errs = append(errs, s.differsFrom(other))
		}
	}
	return errors.Join(errs...)
}

func (s Setting) check() error {
	_, port, err := split(s.Address)
	if err != nil {
		return fmt.Errorf("%s %s: %w", s.Flag, s.Address, err)
	}
	if _, err := net.LookupPort("tcp", port); err != nil {
		return fmt.Errorf("%s %s: there is no port %s; want 0 to 65535", s.Flag, s.Address, port)
	}
	if s.Public || IsLoopback(s.Address) {
		return nil
	}
	return fmt.Errorf("%s %s can be reached from other machines and no credentials are configured: "+
		"put a proxy that asks for credentials in front of it, listen on localhost, or accept the risk with --insecure", s.Flag, s.Address)
}

func (s Setting) differsFrom(other Setting) error {
	if s.Address != other.Address || strings.HasSuffix(s.Address, ":0") {
		return nil
	}
	return fmt.Errorf("%s and %s are both %s; give each a port of its own", other.Flag, s.Flag, s.Address)
}
