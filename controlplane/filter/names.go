package filter

import (
	"slices"
	"strings"
)

// names are those of one part of a filter; one that ends in "*" is a prefix.
type names struct {
	exact    map[string]bool
	prefixes []string // without the "*"
}

// newNames sorts a list into its canonical form, in which no name is covered by
// another.
func newNames(list []string) (n *names, canonical []string) {
	n = &names{exact: make(map[string]bool)}
	var exact, prefixes []string
	for _, name := range list {
		if prefix, ok := strings.CutSuffix(name, "*"); ok {
			prefixes = append(prefixes, prefix)
		} else {
			exact = append(exact, name)
		}
	}
	slices.Sort(exact)
	slices.Sort(prefixes) // those that cover others come before them
	for _, prefix := range prefixes {
		if !n.begins(prefix) {
			n.prefixes = append(n.prefixes, prefix)
			canonical = append(canonical, prefix+"*")
		}
	}
	for _, name := range exact {
		if !n.cover(name) {
			n.exact[name] = true
			canonical = append(canonical, name)
		}
	}
	return n, canonical
}

// begins tells whether a prefix covers the name, or the prefix, that is given.
func (n *names) begins(name string) bool {
	return slices.ContainsFunc(n.prefixes, func(prefix string) bool { return strings.HasPrefix(name, prefix) })
}

// cover tells whether a name is one of these.
func (n *names) cover(name string) bool { return n.exact[name] || n.begins(name) }

// touch tells whether a tag, or any tag of a prefix that ends in "*", may be one of
// these.
func (n *names) touch(tag string) bool {
	prefix, ok := strings.CutSuffix(tag, "*")
	if !ok {
		return n.cover(tag)
	}
	if n.begins(prefix) {
		return true
	}
	for name := range n.exact {
		if strings.HasPrefix(name, prefix) {
			return true
		}
	}
	return slices.ContainsFunc(n.prefixes, func(p string) bool { return strings.HasPrefix(p, prefix) })
}
