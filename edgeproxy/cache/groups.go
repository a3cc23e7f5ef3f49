package cache

import (
	"errors"
	"strings"
)

var errGroups = errors.New("not a list of strings")

// groupsParser reads a Cache-Groups field, a List of Strings (RFC 9875, section 2,
// and RFC 9651, sections 4.2.1 to 4.2.5). Parameters are passed over.
type groupsParser struct{ rest string }

func parseGroups(field string) ([]string, error) {
	p := groupsParser{rest: strings.Trim(field, " ")}
	var groups []string
	for p.rest != "" {
		group, ok := p.member()
		if !ok {
			return nil, errGroups
		}
		groups = append(groups, group)
		if !p.next() {
			return nil, errGroups
		}
	}
	return groups, nil
}

func (p *groupsParser) member() (string, bool) {
	s, ok := p.text()
	for ok && p.skip(';') {
		p.rest = strings.TrimLeft(p.rest, " ")
		ok = p.parameter()
	}
	return s, ok
}

// next moves past the comma to another member, or to the end.
func (p *groupsParser) next() bool {
	p.rest = strings.TrimLeft(p.rest, " \t")
	if p.rest == "" {
		return true
	}
	if !p.skip(',') {
		return false
	}
	p.rest = strings.TrimLeft(p.rest, " \t")
	return p.rest != ""
}

func (p *groupsParser) text() (string, bool) {
	if !p.skip('"') {
		return "", false
	}
	var b strings.Builder
	for i := 0; i < len(p.rest); i++ {
		c := p.rest[i]
		switch {
		case c == '"':
			p.rest = p.rest[i+1:]
			return b.String(), true
		case c == '\\':
			i++
			if i == len(p.rest) || p.rest[i] != '"' && p.rest[i] != '\\' {
				return "", false
			}
			c = p.rest[i]
		case c < ' ' || c > '~':
			return "", false
		}
		b.WriteByte(c)
	}
	return "", false
}

// parameter moves past a key and its value. Of a value that is no String only the
// characters are looked at.
func (p *groupsParser) parameter() bool {
	key := p.span("abcdefghijklmnopqrstuvwxyz0123456789_-.*")
	if key == "" || strings.ContainsAny(key[:1], "0123456789_-.") {
		return false
	}
	if !p.skip('=') {
		return true
	}
	if strings.HasPrefix(p.rest, `"`) {
		_, ok := p.text()
		return ok
	}
	return p.span(bareItemChars) != ""
}

// bareItemChars are those of numbers, dates, tokens, booleans and byte sequences
// (RFC 9651, section 3.3).
const bareItemChars = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789!#$%&'*+-.^_`|~:/=?@"

func (p *groupsParser) skip(c byte) bool {
	if p.rest == "" || p.rest[0] != c {
		return false
	}
	p.rest = p.rest[1:]
	return true
}

// span moves past the longest run of the given characters.
func (p *groupsParser) span(chars string) string {
	n := len(p.rest) - len(strings.TrimLeft(p.rest, chars))
	run := p.rest[:n]
	p.rest = p.rest[n:]
	return run
}
