package cache

import (
	"errors"
	"slices"
	"strings"
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

// readTags gives the tags of a response, sorted, each once.
func readTags(h Header) ([]string, error) {
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
	if lines := h.Values("Cache-Groups"); len(lines) > 0 {
		// A field that does not parse is as if absent (RFC 9651, section 4.2).
		groups, _ := parseGroups(strings.Join(lines, ","))
		tags = append(tags, groups...)
	}
	slices.Sort(tags)
	tags = slices.Compact(tags)
	tooLong := func(tag string) bool { return len(tag) > maxTagBytes }
	if len(tags) > maxTags || slices.ContainsFunc(tags, tooLong) {
		return nil, errTags
	}
	return slices.Clip(tags), nil
}

func appendList(tags []string, line string) []string {
	for tag := range strings.SplitSeq(line, ",") {
		if tag = trimSpace(tag); tag != "" {
			tags = append(tags, tag)
		}
	}
	return tags
}
