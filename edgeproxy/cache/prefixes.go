package cache

import "slices"

// prefixes finds those that a text begins with: one look-up for each length that
// occurs.
type prefixes struct {
	fences  map[string]fence
	lengths []int
}

func newPrefixes() prefixes { return prefixes{fences: map[string]fence{}} }

func (p *prefixes) put(text string, f fence) {
	p.fences[text] = p.fences[text].join(f)
	if i, found := slices.BinarySearch(p.lengths, len(text)); !found {
		p.lengths = slices.Insert(p.lengths, i, len(text))
	}
}

func (p *prefixes) hasLength(n int) bool {
	_, found := slices.BinarySearch(p.lengths, n)
	return found
}

func (p *prefixes) judge(v *verdict, text string) {
	for _, n := range p.lengths {
		if n > len(text) {
			return
		}
		v.add(p.fences[text[:n]])
	}
}
