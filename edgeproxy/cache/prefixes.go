package cache

import "slices"

// prefixes finds those that a text begins with: one look-up for each length that
// occurs.
type prefixes struct {
	fences map[string]fence
	// lengths are ascending, and counts says how many prefixes have each.
	lengths []int
	counts  map[int]int
}

func newPrefixes() prefixes {
	return prefixes{fences: map[string]fence{}, counts: map[int]int{}}
}

func (p *prefixes) put(text string, f fence) {
	old, found := p.fences[text]
	p.fences[text] = old.join(f)
	if found {
		return
	}
	if p.counts[len(text)]++; p.counts[len(text)] == 1 {
		i, _ := slices.BinarySearch(p.lengths, len(text))
		p.lengths = slices.Insert(p.lengths, i, len(text))
	}
}

func (p *prefixes) remove(text string) {
	if _, found := p.fences[text]; !found {
		return
	}
	delete(p.fences, text)
	if p.counts[len(text)]--; p.counts[len(text)] == 0 {
		delete(p.counts, len(text))
		i, _ := slices.BinarySearch(p.lengths, len(text))
		p.lengths = slices.Delete(p.lengths, i, i+1)
	}
}

func (p *prefixes) hasLength(n int) bool { return p.counts[n] > 0 }

func (p *prefixes) judge(v *verdict, text string) {
	for _, n := range p.lengths {
		if n > len(text) {
			return
		}
		v.add(p.fences[text[:n]])
	}
}
