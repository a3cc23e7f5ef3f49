package main

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

// table is printed as Markdown that lines up, ready for docs/benchmarks.md.
type table struct{ rows [][]string }

func newTable(columns ...string) *table { return &table{rows: [][]string{columns}} }

// add appends a row. Cells that are missing at its end are empty.
func (t *table) add(cells ...string) { t.rows = append(t.rows, cells) }

// String implements fmt.Stringer.
func (t *table) String() string {
	widths := make([]int, len(t.rows[0]))
	for _, row := range t.rows {
		for i, cell := range row {
			widths[i] = max(widths[i], utf8.RuneCountInString(cell))
		}
	}
	rule := make([]string, len(widths))
	for i, width := range widths {
		rule[i] = strings.Repeat("-", width)
	}
	var b strings.Builder
	for _, row := range slices.Insert(slices.Clone(t.rows), 1, rule) {
		writeRow(&b, row, widths)
	}
	return b.String()
}

func writeRow(b *strings.Builder, row []string, widths []int) {
	for i, width := range widths {
		cell := ""
		if i < len(row) {
			cell = row[i]
		}
		b.WriteString("| " + cell + strings.Repeat(" ", width-utf8.RuneCountInString(cell)) + " ")
	}
	b.WriteString("|\n")
}

// spread gives the median of the rounds, and the least and the greatest.
func spread[T cmp.Ordered](values []T, format func(T) string) string {
	if len(values) == 1 {
		return format(values[0])
	}
	return fmt.Sprintf("%s (%s to %s)", format(median(values)), format(slices.Min(values)), format(slices.Max(values)))
}

// target says what was promised, and whether it was kept.
func target(promise string, kept bool) string {
	if kept {
		return promise + ": met"
	}
	return promise + ": MISSED"
}

// duration gives three digits or so, whatever the unit.
func duration(d time.Duration) string {
	unit := time.Duration(1)
	for unit <= d.Abs()/1000 { // a product could overflow
		unit *= 10
	}
	return d.Round(unit).String()
}

// nanoseconds is duration for figures that are fractions of a nanosecond.
func nanoseconds(ns float64) string {
	if math.Abs(ns) < 100 {
		return strconv.FormatFloat(ns, 'f', 1, 64) + "ns"
	}
	return duration(time.Duration(math.Round(ns)))
}

func times(ratio float64) string {
	if ratio < 100 {
		return strconv.FormatFloat(ratio, 'f', 1, 64) + "×"
	}
	return count(ratio) + "×"
}

// count separates the thousands.
func count[N int | int64 | uint64 | float64](n N) string {
	digits := strconv.FormatInt(int64(math.Round(float64(n))), 10)
	for i := len(digits) - 3; i > 0 && digits[i-1] != '-'; i -= 3 {
		digits = digits[:i] + "," + digits[i:]
	}
	return digits
}

func megabytes(bytes int64) string { return count(float64(bytes)/1e6) + " MB" }
