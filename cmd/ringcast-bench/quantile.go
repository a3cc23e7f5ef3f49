package main

import (
	"cmp"
	"math"
	"slices"
)

// quantile gives the value at or below which the fraction q of the values lie
// (nearest rank). There must be one value at least; 0 < q <= 1.
func quantile[T cmp.Ordered](values []T, q float64) T {
	sorted := slices.Sorted(slices.Values(values))
	// A product such as 0.07*100 is a little above the rank that is meant.
	rank := int(math.Ceil(q*float64(len(sorted)) - 1e-9))
	return sorted[max(rank, 1)-1]
}

func median[T cmp.Ordered](values []T) T { return quantile(values, 0.5) }

// each takes one figure from every round.
func each[R, T any](rounds []R, figure func(R) T) []T {
	figures := make([]T, len(rounds))
	for i, round := range rounds {
		figures[i] = figure(round)
	}
	return figures
}

// ratios divides round by round.
func ratios(over, under []float64) []float64 {
	quotients := make([]float64, len(over))
	for i := range over {
		quotients[i] = over[i] / under[i]
	}
	return quotients
}
