package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/netip"
	"regexp"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/ringcast/ringcast/internal/wire"
)

// A list of bans is UTF-8 text, one ban a line:
//
//	ADDRESS [ttl=DURATION] [by=edge] [REASON] [# COMMENT]
//
// ADDRESS is an address or a CIDR prefix without host bits. DURATION is one of
// Go's (1h30m), or never, for a ban without an end whatever the default is.
// by=edge marks a ban that an edge set by itself. REASON is the rest of the line.
// One that begins with NAME= or a double quote, or has a #, is quoted as in JSON;
// others may be. A # begins a comment at the start of a line or behind a blank.
// Blank lines and comments say nothing. Lines end in LF or CRLF, and a byte order
// mark at the beginning is passed over.

// maxLine bounds a line, in bytes without its end: a file that is no list at all
// must not be read into memory as one.
const maxLine = 4096

// listedBan is a line of a list.
type listedBan struct {
	ip     netip.Prefix
	reason string
	// ttl is 0 for a ban without an end. It is the default's where the line has
	// none, as is the reason.
	ttl       time.Duration
	automatic bool
}

// text is the address or prefix in canonical form.
func (b listedBan) text() string { return wire.FormatPrefix(b.ip) }

// lineError says why a line cannot be taken, in the words of a refusal.
type lineError struct{ reason, message string }

// Error implements error.
func (e *lineError) Error() string { return e.message }

// Reasons of lineErrors that the control plane does not have.
const (
	reasonLine   = "INVALID_LINE"
	reasonOption = "INVALID_OPTION"
	reasonTTL    = "INVALID_TTL"
	reasonIP     = "INVALID_IP"
)

const (
	optionTTL = "ttl"
	optionBy  = "by"
	byEdge    = "edge"
	ttlNever  = "never"
)

// isOption is what the beginning of a word looks like that is no reason.
var isOption = regexp.MustCompile(`^[A-Za-z][A-Za-z-]*=`)

// parseLine reads a line without its end. found is false where it says nothing.
// Errors are *lineError.
func parseLine(line string, defaults listedBan) (ban listedBan, found bool, err error) {
	if !utf8.ValidString(line) {
		return listedBan{}, false, &lineError{reasonLine, "the line is not UTF-8"}
	}
	line = strings.TrimSpace(line)
	if line == "" || line[0] == '#' {
		return listedBan{}, false, nil
	}
	address, rest := cutWord(line)
	ban = defaults
	if ban.ip, err = wire.ParsePrefix(address); err != nil {
		return listedBan{}, false, &lineError{reasonIP, err.Error()}
	}
	if err := ban.parseRest(rest); err != nil {
		return listedBan{}, false, err
	}
	return ban, true, nil
}

// parseRest reads what follows the address.
func (b *listedBan) parseRest(rest string) error {
	for {
		word, after := cutWord(rest)
		if !isOption.MatchString(word) {
			return b.parseReason(rest)
		}
		if err := b.setOption(word); err != nil {
			return err
		}
		rest = after
	}
}

func (b *listedBan) setOption(word string) error {
	name, value, _ := strings.Cut(word, "=")
	switch {
	case name == optionTTL:
		ttl, err := parseTTL(value)
		b.ttl = ttl
		return err
	case name == optionBy && value == byEdge:
		b.automatic = true
		return nil
	}
	return &lineError{reasonOption, fmt.Sprintf("%q is no option; a line has %s=DURATION, %s=%s and a reason, which is quoted where it begins like an option",
		word, optionTTL, optionBy, byEdge)}
}

func parseTTL(value string) (time.Duration, error) {
	if value == ttlNever {
		return 0, nil
	}
	ttl, err := time.ParseDuration(value)
	if err != nil || ttl < minTTL || ttl > maxTTL {
		return 0, &lineError{reasonTTL, fmt.Sprintf("ttl=%s is no time from 1s to 876600h (a hundred years), nor %s", value, ttlNever)}
	}
	return ttl, nil
}

// parseReason reads the end of a line. Without a reason the default stays.
func (b *listedBan) parseReason(text string) error {
	if strings.HasPrefix(text, `"`) {
		return b.parseQuoted(text)
	}
	if text = uncomment(text); text != "" {
		b.reason = text
	}
	return nil
}

func (b *listedBan) parseQuoted(text string) error {
	decoder := json.NewDecoder(strings.NewReader(text))
	if err := decoder.Decode(&b.reason); err != nil {
		return &lineError{reasonLine, "the quoted reason is no JSON string"}
	}
	after := text[decoder.InputOffset():]
	if after != "" && !unicode.IsSpace(rune(after[0])) || uncomment(after) != "" {
		return &lineError{reasonLine, "something follows the quoted reason"}
	}
	return nil
}

// uncomment takes a comment off, and blanks on both sides.
func uncomment(text string) string {
	for at, r := range text {
		before, _ := utf8.DecodeLastRuneInString(text[:at])
		if r == '#' && (at == 0 || unicode.IsSpace(before)) {
			text = text[:at]
			break
		}
	}
	return strings.TrimSpace(text)
}

// cutWord splits a text that begins with no blank at the first, and takes the
// blanks between off.
func cutWord(text string) (word, rest string) {
	end := strings.IndexFunc(text, unicode.IsSpace)
	if end < 0 {
		return text, ""
	}
	return text[:end], strings.TrimLeftFunc(text[end:], unicode.IsSpace)
}

// appendLine writes a ban as parseLine reads it, whatever the defaults are that
// have no ttl and no reason; the end of the line is the caller's.
func appendLine(dst []byte, ban listedBan) []byte {
	dst = append(dst, ban.text()...)
	if ban.ttl != 0 {
		dst = append(append(dst, " "+optionTTL+"="...), formatTTL(ban.ttl)...)
	}
	if ban.automatic {
		dst = append(dst, " "+optionBy+"="+byEdge...)
	}
	if ban.reason == "" {
		return dst
	}
	return appendReason(append(dst, ' '), ban.reason)
}

// formatTTL leaves out what Go's durations have too much of: 1h0m0s.
func formatTTL(ttl time.Duration) string {
	text := ttl.String()
	if strings.HasSuffix(text, "m0s") {
		text = strings.TrimSuffix(text, "0s")
	}
	if strings.HasSuffix(text, "h0m") {
		text = strings.TrimSuffix(text, "0m")
	}
	return text
}

// appendReason quotes a reason that would be read as something else, or that has
// what a terminal would not show.
func appendReason(dst []byte, reason string) []byte {
	plain := reason == strings.TrimSpace(reason) && !strings.ContainsAny(reason, `"#`) &&
		!isOption.MatchString(reason) && !strings.ContainsFunc(reason, steers)
	if plain {
		return append(dst, reason...)
	}
	quoted, err := json.Marshal(reason)
	if err != nil {
		panic(errors.Join(errors.New("ringcast: a string has no JSON"), err))
	}
	return append(dst, cleanJSON(quoted)...)
}
