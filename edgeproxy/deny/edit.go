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

// decode gives what events do at the Unix second now.
func decode(events []any, now int64) (edits, error) {
	var e edits
	for _, event := range events {
		if err := e.add(event, now); err != nil {
			return edits{}, err
		}
	}
	return e, nil
}

func (e *edits) add(event any, now int64) error {
	switch event := event.(type) {
	case *wire.IPBanned:
		return e.ban(event, now)
	case *wire.IPUnbanned:
		return e.unban(event)
	case *wire.IPAllowed:
		return e.allow(event, now)
	case *wire.IPAllowRemoved:
		return e.removeAllow(event)
	case *wire.TokenRevoked:
		return e.revoke(event, now)
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
