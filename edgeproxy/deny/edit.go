package deny

import "github.com/ringcast/ringcast/internal/wire"

// edits are what events do to the rows, in the order of the events.
type edits struct {
	bans   []banEdit
	allows []allowEdit
	tokens []tokenEdit
}

func (e *edits) size() int { return len(e.bans) + len(e.allows) + len(e.tokens) }

func (e *edits) append(more edits) {
	e.bans = append(e.bans, more.bans...)
	e.allows = append(e.allows, more.allows...)
	e.tokens = append(e.tokens, more.tokens...)
}

// decode gives what events do. It does not ask whether they have expired: a clock that
// is ahead for a moment must not lose for good what the log says.
func decode(events []any) (edits, error) {
	var e edits
	for _, event := range events {
		if err := e.add(event); err != nil {
			return edits{}, err
		}
	}
	return e, nil
}

func (e *edits) add(event any) error {
	switch event := event.(type) {
	case *wire.IPBanned:
		return e.ban(event)
	case *wire.IPUnbanned:
		return e.unban(event)
	case *wire.IPAllowed:
		return e.allow(event)
	case *wire.IPAllowRemoved:
		return e.removeAllow(event)
	case *wire.TokenRevoked:
		return e.revoke(event)
	case *wire.TokenRestored:
		return e.restore(event)
	}
	return nil
}

// live tells whether what ends at the Unix second expiresAt, 0 for never, holds
// at the Unix second now.
func live(expiresAt, now int64) bool { return expiresAt == 0 || now < expiresAt }

// clear forgets the edits and keeps their memory.
func (e *edits) clear() {
	clear(e.bans)
	clear(e.allows)
	clear(e.tokens)
	e.bans, e.allows, e.tokens = e.bans[:0], e.allows[:0], e.tokens[:0]
}
