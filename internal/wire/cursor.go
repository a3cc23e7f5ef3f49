package wire

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
)

// maxEpoch bounds an epoch's length, so that a hostile cursor stays small in
// answers and logs.
const maxEpoch = 32

// ErrCursor is wrapped by every error of ParseCursor.
var ErrCursor = errors.New("not an event id")

// Cursor is a place in a log, written as an event id "<epoch>-<position>".
type Cursor struct {
	// Epoch names the log, 1 to 32 lower-case letters and digits; empty in a
	// bare position, which is one of whatever epoch is current.
	Epoch string
	// Position is the last position that the reader has.
	Position uint64
}

// ParseCursor reads an event id or a bare position.
func ParseCursor(s string) (Cursor, error) {
	epoch, digits, found := strings.Cut(s, "-")
	if !found {
		epoch, digits = "", s
	} else if !validEpoch(epoch) {
		return Cursor{}, fmt.Errorf("%w: want <epoch>-<position>, as in 7f3a9c-42", ErrCursor)
	}
	position, err := parsePosition(digits)
	if err != nil {
		return Cursor{}, err
	}
	return Cursor{Epoch: epoch, Position: position}, nil
}

// String formats the cursor as an event id.
func (c Cursor) String() string { return string(c.Append(nil)) }

// Append appends the event id to dst.
func (c Cursor) Append(dst []byte) []byte {
	if c.Epoch != "" {
		dst = append(dst, c.Epoch...)
		dst = append(dst, '-')
	}
	return strconv.AppendUint(dst, c.Position, 10)
}

func parsePosition(digits string) (uint64, error) {
	for _, c := range []byte(digits) {
		if c < '0' || c > '9' {
			return 0, fmt.Errorf("%w: a position has digits only", ErrCursor)
		}
	}
	position, err := strconv.ParseUint(digits, 10, 64)
	if err != nil {
		return 0, fmt.Errorf("%w: a position is an unsigned 64-bit integer", ErrCursor)
	}
	return position, nil
}

func validEpoch(s string) bool {
	if s == "" || len(s) > maxEpoch {
		return false
	}
	for _, c := range []byte(s) {
		if (c < '0' || c > '9') && (c < 'a' || c > 'z') {
			return false
		}
	}
	return true
}
