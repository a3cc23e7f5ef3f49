package archtest

import (
	"fmt"
	"slices"
	"strings"
)

// check returns a sentence for each import that the rule forbids, and one when
// the rule binds no package, since then a rename has switched it off.
func (r rule) check(g graph) []string {
	var found []string
	bound := false
	for _, name := range g.names() {
		if !matches(name, r.from) || matches(name, r.unless) {
			continue
		}
		bound = true
		for _, chain := range r.forbidden(g, name) {
			found = append(found, fmt.Sprintf("%s\n\twhy not: %s", strings.Join(chain, " imports "), r.why))
		}
	}
	if !bound {
		found = append(found, fmt.Sprintf("no package matches %v: mend the rule\n\twhose why is: %s", r.from, r.why))
	}
	return found
}

// forbidden walks from a package along our own packages, the nearest first, and
// returns the shortest chain to each import that the rule forbids it.
func (r rule) forbidden(g graph, name string) [][]string {
	var found [][]string
	seen := map[string]bool{name: true}
	for queue := [][]string{{name}}; len(queue) > 0; queue = queue[1:] {
		chain := queue[0]
		for _, to := range r.outgoing(g, chain) {
			if seen[to] {
				continue
			}
			seen[to] = true
			next := append(slices.Clip(chain), to)
			switch {
			case matches(to, r.to) && !r.allows(name, to):
				found = append(found, next)
			case r.deep:
				queue = append(queue, next)
			}
		}
	}
	return found
}

// outgoing returns what the end of a chain imports. Tests count only where the
// chain starts: nobody takes in the tests of what they import.
func (r rule) outgoing(g graph, chain []string) []string {
	end := g[chain[len(chain)-1]]
	if r.tests && len(chain) == 1 {
		return slices.Concat(end.imports, end.tests)
	}
	return end.imports
}

func (r rule) allows(from, to string) bool {
	return slices.ContainsFunc(r.allow, func(e edge) bool {
		return matches(from, []string{e.from}) && matches(to, []string{e.to})
	})
}

// matches says whether a package is one of the patterns or, for those that end
// in "/...", below one.
func matches(name string, patterns []string) bool {
	return slices.ContainsFunc(patterns, func(pattern string) bool {
		parent, tree := strings.CutSuffix(pattern, "/...")
		return name == parent || tree && strings.HasPrefix(name, parent+"/")
	})
}
