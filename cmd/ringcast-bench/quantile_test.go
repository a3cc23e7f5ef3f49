package main

import (
	"slices"
	"testing"

	"pgregory.net/rapid"
)

func TestQuantile(t *testing.T) {
	t.Parallel()
	hundred := make([]int, 100)
	for i := range hundred {
		hundred[i] = 100 - i
	}
	for _, tt := range []struct {
		values []int
		q      float64
		want   int
	}{
		{[]int{7}, 0.01, 7}, {[]int{7}, 1, 7},
		{[]int{3, 1, 2}, 0.5, 2}, {[]int{4, 1, 3, 2}, 0.5, 2},
		{hundred, 0.5, 50}, {hundred, 0.99, 99}, {hundred, 0.07, 7}, {hundred, 0.991, 100}, {hundred, 1, 100},
	} {
		if got := quantile(tt.values, tt.q); got != tt.want {
			t.Errorf("quantile %v of %v is %d, want %d", tt.q, tt.values, got, tt.want)
		}
	}
	if hundred[0] != 100 {
		t.Error("the values were sorted in place")
	}
}

// TestQuantileIsARank checks the definition: at least q of the values are at or
// below it, and fewer below any smaller value.
func TestQuantileIsARank(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		values := rapid.SliceOfN(rapid.IntRange(0, 20), 1, 50).Draw(t, "values")
		percent := rapid.IntRange(1, 100).Draw(t, "percent")
		got := quantile(values, float64(percent)/100)
		atOrBelow, below := 0, 0
		for _, v := range values {
			if v <= got {
				atOrBelow++
			}
			if v < got {
				below++
			}
		}
		if !slices.Contains(values, got) || atOrBelow*100 < percent*len(values) || below*100 >= percent*len(values) {
			t.Fatalf("%d: %d values at or below and %d below, of %d", got, atOrBelow, below, len(values))
		}
	})
}

func TestRatiosAreRoundByRound(t *testing.T) {
	t.Parallel()
	if got := ratios([]float64{10, 30}, []float64{2, 3}); !slices.Equal(got, []float64{5, 10}) {
		t.Errorf("ratios are %v", got)
	}
}
