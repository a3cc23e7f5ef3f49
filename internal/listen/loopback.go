package listen

import (
	"fmt"
	"net/netip"
	"strings"
)

// IsLoopback tells whether a listener on address, host:port, can be reached from
// this machine alone: its host is localhost, in 127.0.0.0/8, or ::1. No name but
// localhost counts, since what it resolves to may change.
func IsLoopback(address string) bool {
	host, _, err := split(address)
	if err != nil {
		return false
	}
	if strings.EqualFold(host, localhost) {
		return true
	}
	addr, err := netip.ParseAddr(host)
	return err == nil && addr.IsLoopback()
}

// RequireLoopback refuses an address beyond loopback, for a listener that asks
// for no credentials. name is the flag that holds the address, such as
// --http-listen; hint says how to configure credentials, as the middle of a
// sentence: "give each caller a token with --tokens".
func RequireLoopback(name, address, hint string) error {
	if _, _, err := split(address); err != nil {
		return fmt.Errorf("%s %s: %w", name, address, err)
	}
	if IsLoopback(address) {
		return nil
	}
	return fmt.Errorf("%s %s can be reached from other machines and no credentials are configured: "+
		"%s, listen on localhost, or accept the risk with --insecure", name, address, hint)
}
