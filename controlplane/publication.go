package controlplane

import (
	"strings"
	"time"
	"unicode/utf8"

	"github.com/ringcast/ringcast/internal/wire"
)

// DefaultChannel is that of a publication which names none.
const DefaultChannel = "default"

// Limits of a publication.
const (
	// MaxNameBytes bounds a channel and a type, which every filter is compared with
	// and which travel in URLs.
	MaxNameBytes = 128
	// MaxEventData bounds the data of a publication, so that a few of them do not
	// push all else out of the ring.
	MaxEventData = 64 << 10
)

// Publication asks for an application's own event to reach subscribers.
type Publication struct {
	// Channel is what subscribers choose by, Type the event's name. See ValidName.
	Channel, Type string
	// Data is any text without carriage returns.
	Data string
}

// NewPublication checks a publication and sets the channel where it has none.
// Errors are of kind Invalid.
func NewPublication(p Publication) (Publication, error) {
	if p.Channel == "" {
		p.Channel = DefaultChannel
	}
	switch {
	case !ValidName(p.Channel):
		return Publication{}, Errorf(Invalid, ReasonInvalidChannel, "channel %.64q is not of %s", p.Channel, NameRule)
	case p.Type == "":
		return Publication{}, Errorf(Invalid, ReasonInvalidType, "name the event's type")
	case !ValidName(p.Type):
		return Publication{}, Errorf(Invalid, ReasonInvalidType, "type %.64q is not of %s", p.Type, NameRule)
	case wire.Reserved(p.Type):
		return Publication{}, Errorf(Invalid, ReasonReservedType, "type %q is one of the stream's own; choose another, such as app.%s", p.Type, p.Type)
	}
	return p, checkData(p.Data)
}

// checkData refuses what would not arrive as it was sent.
func checkData(data string) error {
	switch {
	case len(data) > MaxEventData:
		return Errorf(Invalid, ReasonDataTooLarge, "data has %d bytes; the limit is %d", len(data), MaxEventData)
	case !utf8.ValidString(data):
		return Errorf(Invalid, ReasonInvalidData, "data is not UTF-8")
	case strings.Contains(data, "\r"):
		return Errorf(Invalid, ReasonInvalidData, "data has a carriage return, which the stream would make a line feed: leave it out, or send JSON, which escapes it")
	}
	return nil
}

// NameRule says in words what ValidName wants.
const NameRule = "1 to 128 ASCII letters, digits and . _ : / @ ~ -"

// ValidName tells whether a name can be that of a channel or a type: 1 to
// MaxNameBytes letters, digits and . _ : / @ ~ -, none of which means anything in a
// filter, in the value of a query or in a line of the stream.
func ValidName(name string) bool {
	return name != "" && len(name) <= MaxNameBytes && !strings.ContainsFunc(name, func(r rune) bool {
		letter := 'a' <= r && r <= 'z' || 'A' <= r && r <= 'Z'
		return !letter && (r < '0' || r > '9') && !strings.ContainsRune("._:/@~-", r)
	})
}

// Decide implements Decision. The event is not for edges.
func (p Publication) Decide(s State) ([]Event, error) {
	return []Event{{
		Type: p.Type, Channel: p.Channel, Data: []byte(p.Data),
		Time: s.Now().Truncate(time.Second), Audience: Listeners | ControlPlanes,
	}}, nil
}
