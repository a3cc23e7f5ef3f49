package token

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// maxPrefixes bounds the prefixes, each of which is compared with each path.
const maxPrefixes = 256

// policy is the mode of each path.
type policy struct {
	fallback  Mode
	strictest Mode
	prefixes  []prefixMode // longest first
}

// prefixMode is the mode of a path and of what is below it. The prefix has no
// slash at its end; that of the root is empty.
type prefixMode struct {
	prefix string
	mode   Mode
}

func newPolicy(fallback string, paths []string) (policy, error) {
	mode, err := ParseMode(cmp.Or(fallback, Off.String()))
	if err != nil {
		return policy{}, fmt.Errorf("--jwt %w", err)
	}
	if len(paths) > maxPrefixes {
		return policy{}, fmt.Errorf("--jwt-path: %d prefixes, want at most %d", len(paths), maxPrefixes)
	}
	p := policy{fallback: mode, strictest: mode}
	for _, text := range paths {
		if err := p.add(text); err != nil {
			return policy{}, fmt.Errorf("--jwt-path %q: %w", text, err)
		}
	}
	slices.SortStableFunc(p.prefixes, func(a, b prefixMode) int { return cmp.Compare(len(b.prefix), len(a.prefix)) })
	return p, nil
}

// add takes up PREFIX=MODE.
func (p *policy) add(text string) error {
	at := strings.LastIndexByte(text, '=')
	if at < 0 {
		return fmt.Errorf("want PREFIX=MODE, such as /private=%s", Required)
	}
	mode, err := ParseMode(text[at+1:])
	if err != nil {
		return err
	}
	prefix, err := parsePrefix(text[:at])
	if err != nil {
		return err
	}
	if slices.ContainsFunc(p.prefixes, func(o prefixMode) bool { return o.prefix == prefix }) {
		return fmt.Errorf("the prefix is there twice")
	}
	p.prefixes = append(p.prefixes, prefixMode{prefix, mode})
	p.strictest = max(p.strictest, mode)
	return nil
}

// parsePrefix takes a decoded path that can be read in one way only, but for the
// case of its letters.
func parsePrefix(text string) (string, error) {
	if !strings.HasPrefix(text, "/") {
		return "", fmt.Errorf("a prefix begins with /")
	}
	all, ok := readings(text)
	for _, reading := range all {
		ok = ok && (reading == text || reading == fold(text))
	}
	if !ok {
		return "", fmt.Errorf("want a plain decoded path, without %%, ;, ?, #, \\, //, . and .. segments")
	}
	return strings.TrimSuffix(text, "/"), nil
}

// mode gives the mode of a path in its escaped form, as a request line has it: the
// strictest of those that its readings have.
func (p *policy) mode(path string) Mode {
	if len(p.prefixes) == 0 {
		return p.fallback
	}
	if isPlain(path) {
		return p.longest(path)
	}
	all, ok := readings(path)
	if !ok {
		return p.strictest
	}
	strictest := Off
	for _, reading := range all {
		strictest = max(strictest, p.longest(reading))
	}
	return strictest
}

// longest gives the stricter of the modes that a decoded path has with the case of
// its letters and without.
func (p *policy) longest(path string) Mode {
	return max(p.match(path, func(a, b string) bool { return a == b }), p.match(path, strings.EqualFold))
}

// match gives the mode of the longest prefix, and the stricter of equally long
// ones, which differ in case.
func (p *policy) match(path string, equal func(a, b string) bool) Mode {
	mode, length := p.fallback, -1
	for _, o := range p.prefixes {
		if len(o.prefix) < length {
			break
		}
		if !covers(o.prefix, path, equal) {
			continue
		}
		if len(o.prefix) > length {
			mode, length = o.mode, len(o.prefix)
		}
		mode = max(mode, o.mode)
	}
	return mode
}

// covers tells whether a path is the prefix or below it.
func covers(prefix, path string, equal func(a, b string) bool) bool {
	return len(path) >= len(prefix) && equal(path[:len(prefix)], prefix) &&
		(len(path) == len(prefix) || path[len(prefix)] == '/')
}
