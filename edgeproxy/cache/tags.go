package cache

import (
	"errors"
	"slices"
	"strings"

	"github.com/ringcast/ringcast/edgeproxy/cache/httpfield"
)

const (
	// maxTags bounds what one look-up costs after an invalidation, which goes
	// through all tags of a response.
	maxTags = 1000
	// maxTagBytes bounds the memory of a tag. It is also the longest that the
	// control plane takes.
	maxTagBytes = 256
)

// tagFields carry tags. They are meant for caches, not for browsers.
var tagFields = []string{"X-Cache-Tags", "Cache-Tag", "Cache-Tags", "Surrogate-Key", "Cache-Groups"}

var errTags = errors.New("too many or too long tags")

// groupTag is the tag of a cache group of one origin (RFC 9875, section 2). No tag
// that can be asked for begins like it.
func groupTag(origin, group string) string { return "\x00" + origin + "\x00" + group }

// readTags gives the tags of a response of an origin, sorted, each once. A group
// counts as a tag for who invalidates tags, and as a group of its origin.
func readTags(origin string, h Header) ([]string, error) {
	var tags []string
	for _, name := range tagFields {
		for _, line := range h.Values(name) {
			switch name {
			case "Surrogate-Key":
				tags = append(tags, strings.Fields(line)...)
			case "Cache-Groups":
			default:
				tags = appendList(tags, line)
			}
		}
	}
	groups, _ := httpfield.ParseGroups(h.Values("Cache-Groups"))
	for _, group := range groups {
		tags = append(tags, group, groupTag(origin, group))
	}
	slices.Sort(tags)
	tags = slices.Compact(tags)
	tooLong := func(tag string) bool { return len(tag) > maxTagBytes && tag[0] != 0 }
	if len(tags) > maxTags || slices.ContainsFunc(tags, tooLong) {
		return nil, errTags
	}
	return slices.Clip(tags), nil
}

func appendList(tags []string, line string) []string {
	for tag := range strings.SplitSeq(line, ",") {
		if tag = strings.Trim(tag, " \t"); tag != "" {
			tags = append(tags, tag)
		}
	}
	return tags
}
