package listen

import (
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
