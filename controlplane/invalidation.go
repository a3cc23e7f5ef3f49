package controlplane

import (
	"net/url"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/ringcast/ringcast/internal/wire"
)

// Limits of a selection.
const (
	// MaxTagBytes bounds a tag, so that fences stay small on every edge.
	MaxTagBytes = 256
	// MaxKeyBytes bounds a key, for the same reason.
	MaxKeyBytes = 2048
	// MaxSelectionBytes bounds the tags and keys of one invalidation together,
	// so that its event stays below the size that readers of the stream accept.
	MaxSelectionBytes = 128 << 10
	// MaxSelected bounds the tags of one invalidation, and the keys, as the proto
	// does for a request.
	MaxSelected = 1000
)

// Invalidation asks for stored responses to become unusable.
type Invalidation struct {
	// Tags and Keys select; one that ends in "*" is a prefix.
	Tags, Keys []string
	// All selects everything.
	All bool
	// Soft leaves responses usable where stale ones are allowed.
	Soft bool
	// Settle keeps covered responses whose fetch begins within it from being
	// stored; 0: none.
	Settle time.Duration
}

// NewInvalidation checks a selection and puts it into its canonical form: the
// tag "*" alone is all, repeats are dropped. Errors are of kind Invalid.
func NewInvalidation(i Invalidation) (Invalidation, error) {
	if err := checkSelection(i.Tags, i.Keys); err != nil {
		return Invalidation{}, err
	}
	if len(i.Tags) == 0 && len(i.Keys) == 0 && !i.All {
		return Invalidation{}, Errorf(Invalid, ReasonNothingSelected, "select something: give tags, keys or all")
	}
	i.All = i.All || slices.Contains(i.Tags, "*")
	i.Tags = slices.DeleteFunc(distinct(i.Tags), func(tag string) bool { return tag == "*" })
	i.Keys = distinct(i.Keys)
	return i, nil
}

// Decide implements Decision.
func (i Invalidation) Decide(s State) ([]Event, error) {
	now := s.Now()
	event := wire.CacheInvalidated{Tags: distinct(i.Tags), Keys: distinct(i.Keys), All: i.All, Soft: i.Soft, Timestamp: now.Unix()}
	if i.Settle > 0 {
		event.Settle = i.Settle.String()
	}
	eventType, data := wire.Encode(&event)
	return []Event{{Type: eventType, Data: data, Time: now.Truncate(time.Second), Audience: Everyone}}, nil
}

func checkSelection(tags, keys []string) error {
	size := 0
	for _, tag := range tags {
		if err := CheckTag(tag); err != nil {
			return err
		}
		size += len(tag)
	}
	for _, key := range keys {
		if err := checkKey(key); err != nil {
			return err
		}
		size += len(key)
	}
	if size > MaxSelectionBytes {
		return Errorf(Invalid, ReasonSelectionTooLarge, "tags and keys have %d bytes together; the limit is %d: send several requests", size, MaxSelectionBytes)
	}
	return nil
}

// CheckTag refuses what no response can carry as a tag, and what selects none: an error of
// kind Invalid. A tag has up to MaxTagBytes; one that ends in "*" is a prefix.
func CheckTag(tag string) error {
	switch {
	case tag == "":
		return Errorf(Invalid, ReasonInvalidTag, "a tag is empty")
	case len(tag) > MaxTagBytes:
		return Errorf(Invalid, ReasonInvalidTag, "a tag has %d bytes; the limit is %d", len(tag), MaxTagBytes)
	case !printable(tag):
		return Errorf(Invalid, ReasonInvalidTag, "tag %q has a control character or is not UTF-8", tag)
	case strings.TrimSpace(tag) != tag:
		return Errorf(Invalid, ReasonInvalidTag, "tag %q begins or ends with a space", tag)
	case starInside(tag):
		return Errorf(Invalid, ReasonInvalidTag, "tag %q has a * that is not at its end", tag)
	}
	return nil
}

func checkKey(key string) error {
	switch {
	case key == "":
		return Errorf(Invalid, ReasonInvalidKey, "a key is empty")
	case len(key) > MaxKeyBytes:
		return Errorf(Invalid, ReasonInvalidKey, "a key has %d bytes; the limit is %d", len(key), MaxKeyBytes)
	case key == "*":
		return Errorf(Invalid, ReasonInvalidKey, "key \"*\" is no prefix of a path or URL; to invalidate everything use all")
	case !printable(key) || strings.Contains(key, " "):
		return Errorf(Invalid, ReasonInvalidKey, "key %q has a space or control character or is not UTF-8", key)
	case starInside(key):
		return Errorf(Invalid, ReasonInvalidKey, "key %q has a * that is not at its end", key)
	case strings.Contains(key, "#"):
		return Errorf(Invalid, ReasonInvalidKey, "key %q has a fragment, which no request has", key)
	case !pathOrURL(strings.TrimSuffix(key, "*")):
		return Errorf(Invalid, ReasonInvalidKey, "key %q is neither a path that begins with / nor an absolute http or https URL", key)
	}
	return nil
}

func pathOrURL(s string) bool {
	if strings.HasPrefix(s, "/") {
		return true
	}
	u, err := url.Parse(s)
	return err == nil && (u.Scheme == "http" || u.Scheme == "https") && u.Hostname() != "" && u.User == nil
}

func starInside(s string) bool { return strings.Contains(strings.TrimSuffix(s, "*"), "*") }

func printable(s string) bool {
	return utf8.ValidString(s) && !strings.ContainsFunc(s, unicode.IsControl)
}

// distinct drops repeats, keeps the order and never returns nil, since lists
// are always present in events.
func distinct(list []string) []string {
	out := make([]string, 0, len(list))
	seen := make(map[string]bool, len(list))
	for _, s := range list {
		if !seen[s] {
			seen[s] = true
			out = append(out, s)
		}
	}
	return out
}
