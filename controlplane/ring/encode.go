package ring

import (
	"fmt"

	"github.com/ringcast/ringcast/controlplane"
	"github.com/ringcast/ringcast/internal/wire"
)

// AppendUnit appends the frames of a unit's events that an audience hears. The
// last of the unit carries its id; where that event was superseded or is not for
// this audience, a position block closes the unit. ok is false, and nothing is
// appended, where the audience hears none of it.
func AppendUnit(dst []byte, epoch string, unit controlplane.Unit, audience controlplane.Audience) (out []byte, ok bool, err error) {
	id := wire.Cursor{Epoch: epoch, Position: unit.Position}
	closed := false
	for _, e := range unit.Events {
		if e.Audience&audience == 0 {
			continue
		}
		ok = true
		closed = e.Position == unit.Position
		at := wire.Cursor{}
		if closed {
			at = id
		}
		if dst, err = wire.AppendEvent(dst, at, e.Type, e.Data); err != nil {
			return dst, false, fmt.Errorf("encode event %d: %w", e.Position, err)
		}
	}
	if ok && !closed {
		dst = wire.AppendPosition(dst, id)
	}
	return dst, ok, nil
}

// eventBytes is about what an event takes besides its data: it, its type and the names of
// its entities. Without it the events of an import would be most of a ring's memory.
const eventBytes = 256

// encode makes a unit's frames for each kind of reader; kinds that hear the
// same events share them.
func encode(epoch string, unit controlplane.Unit) (entry, error) {
	e := entry{position: unit.Position, unit: unit}
	for _, event := range unit.Events {
		e.size += eventBytes + len(event.Data)
	}
	for k, audience := range kinds {
		if twin := sameEvents(unit, k); twin < k {
			e.frames[k] = e.frames[twin]
			continue
		}
		frame, ok, err := AppendUnit(nil, epoch, unit, audience)
		if err != nil {
			return entry{}, err
		}
		if ok {
			e.frames[k] = frame
			e.size += len(frame)
		}
	}
	return e, nil
}

// sameEvents finds the first kind that hears exactly what kind k does.
func sameEvents(unit controlplane.Unit, k int) int {
	for twin := range k {
		same := true
		for _, e := range unit.Events {
			same = same && (e.Audience&kinds[twin] == 0) == (e.Audience&kinds[k] == 0)
		}
		if same {
			return twin
		}
	}
	return k
}
