package wire

import (
	"bytes"
	"strconv"
	"unicode/utf8"
)

// decodeBan reads the data of an ip_banned in the very form that Encode writes,
// which is IPBanned's fields in their order, without escapes; ok is false for any
// other, which is not to say that it is wrong. A replay of a large state is mostly
// bans, and encoding/json takes a quarter of the edge's time for them.
func decodeBan(data []byte) (b *IPBanned, ok bool) {
	s := scanner{rest: data, ok: true}
	b = new(IPBanned)
	s.literal(`{"ip":"`)
	b.IP = s.text()
	s.literal(`,"reason":"`)
	b.Reason = s.text()
	s.literal(`,"automatic":`)
	b.Automatic = s.truth()
	if s.has(`,"expires_at":`) {
		b.ExpiresAt = s.integer()
	}
	s.literal(`,"timestamp":`)
	b.Timestamp = s.integer()
	s.literal(`}`)
	return b, s.ok && len(s.rest) == 0
}

// scanner reads what is expected next. Once something else came, ok is false.
type scanner struct {
	rest []byte
	ok   bool
}

// has takes a literal, if it is next.
func (s *scanner) has(literal string) bool {
	if len(s.rest) < len(literal) || string(s.rest[:len(literal)]) != literal {
		return false
	}
	s.rest = s.rest[len(literal):]
	return true
}

func (s *scanner) literal(text string) { s.ok = s.has(text) && s.ok }

// text takes a string up to and with its closing quote.
func (s *scanner) text() string {
	n := bytes.IndexByte(s.rest, '"')
	if n < 0 || !plain(s.rest[:n]) {
		s.ok = false
		return ""
	}
	text := string(s.rest[:n])
	s.rest = s.rest[n+1:]
	return text
}

// plain tells whether bytes stand for themselves in a JSON string.
func plain(text []byte) bool {
	for _, c := range text {
		if c < ' ' || c == '\\' {
			return false
		}
	}
	return utf8.Valid(text)
}

func (s *scanner) truth() bool {
	if s.has("true") {
		return true
	}
	s.literal("false")
	return false
}

// integer takes a number from 0 to what fits 18 digits.
func (s *scanner) integer() int64 {
	n := 0
	for n < len(s.rest) && s.rest[n] >= '0' && s.rest[n] <= '9' {
		n++
	}
	value, err := strconv.ParseInt(string(s.rest[:n]), 10, 64)
	if err != nil || n > 18 || (n > 1 && s.rest[0] == '0') {
		s.ok = false
	}
	s.rest = s.rest[n:]
	return value
}
