package cache

import "slices"

// maxGraces bounds the memory that one selector may take where a response is
// purged softly again and again: 100,000 fences with so many take 13 MB more.
const maxGraces = 8

// grace is a soft invalidation: what was fetched before it may be used for as
// long after it as the origin lets a stale response be.
type grace struct {
	generation uint64
	// at is when it came, in Unix milliseconds.
	at int64
}

// graces are the soft invalidations of one selector, ascending in both fields.
// Each time stands for those that came after it and claim to have come earlier.
type graces []grace

// with gives the graces with those of later generations. The receiver must not
// be used any more.
func (g graces) with(later graces) graces {
	for _, l := range later {
		for len(g) > 0 && g[len(g)-1].at >= l.at {
			g = g[:len(g)-1]
		}
		g = append(g, l)
	}
	for len(g) > maxGraces {
		g = g.merge()
	}
	return slices.Clip(g)
}

// merge joins the two that lie closest together: what was fetched between them
// counts as stale from the first on, so a little too early and never too late.
func (g graces) merge() graces {
	nearest := 1
	for i := range g[1:] {
		if g[i+1].at-g[i].at < g[nearest].at-g[nearest-1].at {
			nearest = i + 1
		}
	}
	g[nearest].at = g[nearest-1].at
	return slices.Delete(g, nearest-1, nearest)
}

// since gives the time of the earliest that came after a fetch began, in Unix
// milliseconds, or 0.
func (g graces) since(began uint64) int64 {
	for _, grace := range g {
		if grace.generation > began {
			return grace.at
		}
	}
	return 0
}
