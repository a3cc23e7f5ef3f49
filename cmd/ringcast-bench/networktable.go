package main

import (
	"fmt"
	"time"
)

// figure is what half, and 99 of 100, of some times are at the most.
type figure struct{ p50, p99 time.Duration }

func figureOf(times []time.Duration) figure { return figure{median(times), quantile(times, 0.99)} }

// linkFigures are those of a link, over all rounds. The first two count from a ban's
// acceptance, the others from the moment at which the link was up again.
type linkFigures struct {
	name                                            string
	propagation, confirmation, resume, confirmedCut figure
}

func figuresOf(outcomes []outcome[linkRound]) []linkFigures {
	return each(outcomes, func(o outcome[linkRound]) linkFigures {
		var bans []linkBan
		for _, r := range o.rounds {
			bans = append(bans, r.bans...)
		}
		cuts := each(o.rounds, func(r linkRound) linkCut { return r.cut })
		return linkFigures{
			name:         o.name,
			propagation:  figureOf(each(bans, func(b linkBan) time.Duration { return b.inForce.Sub(b.at) })),
			confirmation: figureOf(each(bans, func(b linkBan) time.Duration { return b.known.Sub(b.at) })),
			resume:       figureOf(each(cuts, func(c linkCut) time.Duration { return c.inForce.Sub(c.up) })),
			confirmedCut: figureOf(each(cuts, func(c linkCut) time.Duration { return c.known.Sub(c.up) })),
		}
	})
}

func (n *networkBench) table(links []linkFigures) *table {
	t := newTable(fmt.Sprintf("link, its round trip; %d bans, %d cuts of %s each", n.rounds*n.bans, n.rounds, n.down),
		"accepted to in force, p50", "p99", "to confirmed (WaitApplied), p50", "p99",
		"link up to in force, p50", "most", "to confirmed, p50", "most")
	for _, l := range links {
		row := []string{l.name}
		for _, f := range []figure{l.propagation, l.confirmation, l.resume, l.confirmedCut} {
			row = append(row, duration(f.p50), duration(f.p99))
		}
		t.add(row...)
	}
	return t
}
