package ttl

import (
	"fmt"
	"time"
	// An edge must know its zone on a machine or in an image without a zone
	// database. It adds 0.4 MiB to the binary and is read only where the machine has
	// none.
	_ "time/tzdata"
)

// LoadZone gives the zone of a name of the IANA database, such as "Europe/Berlin",
// and of "Local" for the machine's own; "" is UTC. It reads the machine's zone
// database or, where there is none, the binary's.
func LoadZone(name string) (*time.Location, error) {
	zone, err := time.LoadLocation(name)
	if err != nil {
		return nil, fmt.Errorf(`load zone %q, which should be like "Europe/Berlin", "UTC" or "Local": %w`, name, err)
	}
	return zone, nil
}
