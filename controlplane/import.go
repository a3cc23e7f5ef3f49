package controlplane

import (
	"errors"
	"fmt"

	"github.com/ringcast/ringcast/internal/wire"
)

// Import asks for several bans at once, all or none of them.
type Import struct {
	// Bans are those of a unit at the most, no entity twice.
	Bans []Ban
}

// Decide implements Decision. Where some of the bans are refused the error is a
// *RefusedBans with all of these.
func (i Import) Decide(s State) ([]Event, error) {
	allows, err := s.Any(AllowPrefix)
	if err != nil {
		return nil, err
	}
	refused := new(RefusedBans)
	var events []Event
	seen := make(map[string]bool, len(i.Bans))
	for index, ban := range i.Bans {
		err := errors.Join(once(seen, ban), ban.check(s, allows))
		if err == nil {
			events = append(events, ban.event(s)...)
		} else if err = refused.add(index, err); err != nil {
			return nil, err
		}
	}
	if len(refused.Of) > 0 {
		return nil, refused
	}
	return events, nil
}

// once refuses a ban whose entity was seen before.
func once(seen map[string]bool, ban Ban) error {
	entity := ban.entity()
	if seen[entity] {
		return Errorf(Invalid, ReasonRepeatedIP, "%s is named twice in one request", wire.FormatPrefix(ban.IP))
	}
	seen[entity] = true
	return nil
}

// RefusedBans are those of an Import's bans for which none was made.
type RefusedBans struct {
	// Of is in the order of the bans.
	Of []RefusedBan
}

// RefusedBan says why one ban cannot be made.
type RefusedBan struct {
	// Index counts from 0.
	Index int
	*Error
}

// Error implements error.
func (r *RefusedBans) Error() string { return fmt.Sprintf("%d bans are refused", len(r.Of)) }

// add takes a refusal in, and gives any other error back.
func (r *RefusedBans) add(index int, err error) error {
	refusal, ok := errors.AsType[*Error](err)
	if !ok {
		return err
	}
	r.Of = append(r.Of, RefusedBan{index, refusal})
	return nil
}
