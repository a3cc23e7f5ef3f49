package token

import (
	"bytes"
	"encoding/json"
	"strings"
	"unicode/utf8"
)

// object splits a JSON object into its members. It takes no name twice, which
// different readers would read differently (RFC 7515, section 4; RFC 7519, section
// 4), no invalid UTF-8, and nothing behind the object.
func object(data []byte) (map[string]json.RawMessage, bool) {
	data = bytes.Trim(data, jsonSpace)
	if !bytes.HasPrefix(data, []byte{'{'}) || !utf8.Valid(data) || !json.Valid(data) {
		return nil, false
	}
	members := make(map[string]json.RawMessage)
	for rest := data[1:]; ; {
		rest = bytes.TrimLeft(rest, jsonSpace+",")
		if rest[0] == '}' {
			return members, true
		}
		end := stringEnd(rest)
		name, ok := exactly(rest[:end])
		if _, twice := members[name]; twice || !ok {
			return nil, false
		}
		rest = bytes.TrimLeft(rest[end:], jsonSpace+":")
		end = valueEnd(rest)
		members[name] = bytes.TrimRight(rest[:end], jsonSpace)
		rest = rest[end:]
	}
}

// jsonSpace is the white space of RFC 8259, section 2.
const jsonSpace = " \t\r\n"

// stringEnd gives where the string ends with which valid JSON begins.
func stringEnd(data []byte) int {
	for i := 1; ; i++ {
		switch data[i] {
		case '\\':
			i++
		case '"':
			return i + 1
		}
	}
}

// valueEnd gives where the value of a member ends with which valid JSON begins, up to
// the comma or brace behind it.
func valueEnd(data []byte) int {
	depth := 0
	for i := 0; ; i++ {
		switch c := data[i]; {
		case c == '"':
			i += stringEnd(data[i:]) - 1
		case depth == 0 && (c == ',' || c == '}'):
			return i
		case c == '{' || c == '[':
			depth++
		case c == '}' || c == ']':
			depth--
		}
	}
}

// str gives a member that is a string, or nothing where there is no such member.
func str(members map[string]json.RawMessage, name string) (string, bool) {
	value, there := members[name]
	if !there {
		return "", true
	}
	return exactly(value)
}

// exactly gives the string of a valid JSON value, as its writer meant it. An escaped
// half of a surrogate pair, which is decoded to the replacement character, may be
// several different strings.
func exactly(value json.RawMessage) (string, bool) {
	if !bytes.HasPrefix(value, []byte{'"'}) {
		return "", false
	}
	s := string(value[1 : len(value)-1])
	if strings.Contains(s, `\`) && json.Unmarshal(value, &s) != nil {
		return "", false
	}
	return s, !strings.ContainsRune(s, utf8.RuneError)
}
