package main

import (
	"fmt"
	"math"
	"time"
)

func newCacheTable() *table {
	return newTable("asked for", "side", "requests/s", "p50", "p99", "p99 at an equal rate",
		"CPU a request", "CPU of server, load", "stored", "against nginx", "by CPU", "target")
}

// rows adds those of the sides.
func (m *comparison) rows(t *table) {
	for i, o := range m.full {
		title := ""
		if i == 0 {
			title = m.workload.title
		}
		if o.name == bareSide {
			m.bareRow(t, o)
			continue
		}
		middle := func(figure func(cacheRound) float64) float64 { return median(each(o.rounds, figure)) }
		t.add(title, o.name,
			spread(each(o.rounds, rate), count),
			duration(median(each(o.rounds, func(r cacheRound) time.Duration { return r.p50 }))),
			spread(p99(o.rounds), duration),
			fmt.Sprintf("%s at %s/s", spread(p99(m.equal[i].rounds), duration), count(m.rate)),
			duration(median(each(o.rounds, func(r cacheRound) time.Duration { return r.cpu }))),
			fmt.Sprintf("%s, %s", percent(middle(func(r cacheRound) float64 { return r.serverShare })),
				percent(middle(func(r cacheRound) float64 { return r.loadShare }))),
			m.found(o), m.against(o, rate), m.against(o, thrift), m.target(i))
	}
}

func (m *comparison) bareRow(t *table, o outcome[cacheRound]) {
	t.add("", o.name+", the limit of the load", spread(each(o.rounds, rate), count),
		duration(median(each(o.rounds, func(r cacheRound) time.Duration { return r.p50 }))),
		spread(p99(o.rounds), duration), "", "", "", "", m.against(o, rate))
}

func p99(rounds []cacheRound) []time.Duration {
	return each(rounds, func(r cacheRound) time.Duration { return r.p99 })
}

// found says what came from the cache.
func (m *comparison) found(o outcome[cacheRound]) string {
	stored := percent(median(each(o.rounds, func(r cacheRound) float64 { return r.stored })))
	if !m.workload.misses {
		return stored
	}
	return fmt.Sprintf("%s, then %s", stored, percent(median(each(o.rounds, func(r cacheRound) float64 { return r.recalled }))))
}

// sideOf finds the rounds of a side, nil where it is not installed.
func sideOf(outcomes []outcome[cacheRound], name string) []cacheRound {
	for _, o := range outcomes {
		if o.name == name {
			return o.rounds
		}
	}
	return nil
}

// rate and thrift are what a side is compared by: requests in a second, and in a
// second of its CPU time, with which a machine's other work interferes less.
func rate(r cacheRound) float64   { return r.perSecond }
func thrift(r cacheRound) float64 { return 1 / r.cpu.Seconds() }

func (m *comparison) against(o outcome[cacheRound], figure func(cacheRound) float64) string {
	nginx := sideOf(m.full, nginxSide)
	if nginx == nil || o.name == nginxSide {
		return ""
	}
	return spread(ratios(each(o.rounds, figure), each(nginx, figure)), hundredths)
}

// target says what the edge promises and keeps.
func (m *comparison) target(i int) string {
	if m.full[i].name != edgeSide {
		return ""
	}
	text := ""
	if nginx := sideOf(m.full, nginxSide); nginx != nil && m.workload.least > 0 {
		ratio := median(ratios(each(m.full[i].rounds, rate), each(nginx, rate)))
		text = target(fmt.Sprintf("≥ %g×", m.workload.least), ratio >= m.workload.least) + ", "
	}
	if sideOf(m.full, varnishSide) == nil {
		return text
	}
	notWorse := func(outcomes []outcome[cacheRound]) bool {
		return median(p99(outcomes[i].rounds)) <= median(p99(sideOf(outcomes, varnishSide)))
	}
	return text + target("p99 ≤ Varnish's", notWorse(m.full)) + ", " + target("at an equal rate", notWorse(m.equal))
}

// hundredths shows nothing where a time was too short to be seen.
func hundredths(ratio float64) string {
	if math.IsInf(ratio, 0) || math.IsNaN(ratio) {
		return "-"
	}
	return fmt.Sprintf("%.2f×", ratio)
}

func percent(share float64) string { return fmt.Sprintf("%.0f%%", 100*share) }
