package httpfield

import (
	"time"

	"github.com/dunglas/httpsfv"
)

// maxStructured bounds the bytes of a Structured Field, whose parser makes some
// hundred bytes of two. It leaves room for 1,000 groups of 256 characters, all of
// them escaped.
const maxStructured = 1 << 19

// ParseTargeted reads a targeted cache control field such as CDN-Cache-Control, a
// Structured Fields Dictionary (RFC 9213, section 2.1, and RFC 9651). It is false
// where the field is empty, does not parse or is longer than 512 KiB; the field
// then is as good as not there.
//
// A member whose value is not of its directive's type is passed over, as that
// section advises: a flag is a Boolean, a time a non-negative Integer, and no-cache
// and private may also be a list of field names (Inner List, String or Token),
// which counts as the unqualified form. Of a repeated member the last counts.
// Parameters are ignored.
func ParseTargeted(lines []string) (Response, bool) {
	if len(lines) == 0 || !parseable(lines) {
		return noDirectives(), false
	}
	members, err := httpsfv.UnmarshalDictionary(lines)
	if err != nil || len(members.Names()) == 0 {
		return noDirectives(), false
	}
	r := noDirectives()
	for _, name := range members.Names() {
		member, _ := members.Get(name)
		r.addMember(name, member)
	}
	return r, true
}

func (r *Response) addMember(name string, m httpsfv.Member) {
	if flag := r.flag(name); flag != nil {
		*flag = isTrue(m) || r.fields(name) != nil && isFieldList(m)
	} else if t := r.time(name); t != nil {
		*t = wholeSeconds(m)
	}
}

func isTrue(m httpsfv.Member) bool {
	item, ok := m.(httpsfv.Item)
	return ok && item.Value == true
}

func isFieldList(m httpsfv.Member) bool {
	item, ok := m.(httpsfv.Item)
	if !ok {
		return true
	}
	switch item.Value.(type) {
	case string, httpsfv.Token:
		return true
	}
	return false
}

func wholeSeconds(m httpsfv.Member) time.Duration {
	item, _ := m.(httpsfv.Item)
	n, ok := item.Value.(int64)
	if !ok || n < 0 {
		return Absent
	}
	return time.Duration(min(n, maxSeconds)) * time.Second
}

// ParseGroups reads a Cache-Groups or Cache-Group-Invalidation field, a List of
// Strings (RFC 9875, sections 2 and 3). Parameters are ignored. It is false where
// the field does not parse, has a member that is no String or is longer than 512
// KiB; all of it is then to be ignored.
func ParseGroups(lines []string) (groups []string, ok bool) {
	if !parseable(lines) {
		return nil, false
	}
	members, err := httpsfv.UnmarshalList(lines)
	if err != nil {
		return nil, false
	}
	for _, m := range members {
		item, _ := m.(httpsfv.Item)
		group, ok := item.Value.(string)
		if !ok {
			return nil, false
		}
		groups = append(groups, group)
	}
	return groups, true
}

func parseable(lines []string) bool {
	n := 0
	for _, line := range lines {
		n += len(line) + len(", ")
	}
	return n <= maxStructured
}
